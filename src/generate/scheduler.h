// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "generate/kept_texts.h"
#include "generate/task.h"

namespace gptj {

// The result of a request: its completion, or the exception that ended it.
struct Outcome {
  Completion completion = {};
  std::exception_ptr error = {};
};

struct SchedulerOptions {
  // Bytes of the KV cache at once. A request that needs more runs alone.
  uint64_t kv_bytes = 0;
  // Bytes of the KV cache that one request may need; 0: all that the machine and
  // LoadOptions::max_ram have left.
  uint64_t most_bytes = 0;
  bool share_prefixes = true;
  // What requests that have ended leave in the cache for prompts that begin alike: nothing, the
  // first text of the last request, or all texts as far as `kv_bytes` has room.
  enum class Keep { kNone, kLast, kAll };
  Keep keep = Keep::kNone;
};

// Answers many requests together. Each forward pass computes rows of several requests, chunks of
// prompts beside texts that are being made, so that the weights are read once for all of them.
//
// Requests are let in first come, first served. A request is let in once the cache has room for all
// pages that it may come to need, so that a request that has begun never waits for memory. A prompt
// that begins like the prompt of an earlier running request waits until the common whole pages are
// computed, and shares them. A prompt that begins like a kept text takes over the common part, and
// kept texts make room for requests that are let in. No answer depends on the requests beside it or
// before it.
//
// A scheduler belongs to one thread at a time.
class Scheduler {
 public:
  Scheduler(const Model& model, const SchedulerOptions& options);

  using Done = std::function<void(Outcome)>;
  // Adds a request. `done` is called once, from step(), fail_all() or cancel_all(), and must not
  // throw. Throws kOutOfMemory with the figures for a request whose pages can never fit; `done` is
  // not called then.
  void add(std::unique_ptr<Task> task, CancelToken cancel, Done done);
  // Throws as add() does, if SchedulerOptions::most_bytes alone decides. Any thread may call this.
  void check_most(const Task& task) const;
  // Runs one forward pass. Returns false if there is nothing to do. An error of one request alone
  // becomes its outcome. An exception that is thrown here concerns all requests; the caller then
  // ends them with fail_all().
  bool step();
  // Ends all requests with an error. Needs no memory.
  void fail_all(const std::exception_ptr& error) noexcept;
  // Ends all requests with the text that there is.
  void cancel_all();

  KeptTexts& kept() { return kept_; }
  const KeptTexts& kept() const { return kept_; }
  Decoder& decoder() { return decoder_; }

  // Return the number of requests that were let in, and of those that wait.
  size_t running() const { return running_.size(); }
  size_t waiting() const { return waiting_.size(); }
  // Returns the number of rows that were computed so far.
  int64_t rows() const { return rows_; }
  // Returns the number of the cache's pages that running requests hold or may still come to need.
  size_t committed_pages() const;
  // Returns what Generator::stats() reports, but for the requests that wait to be added.
  GeneratorStats stats() const;

 private:
  struct Job {
    std::unique_ptr<Task> task;
    CancelToken cancel;
    Done done;
    size_t pages;                   // pages that the task needs at most
    size_t pages_to_share = 0;      // how many of `pages` another job's prompt is expected to fill
    size_t first_row = 0;           // index of the job's first row in this step
    std::exception_ptr error = {};  // the error that ends this job
  };

  void check_memory(const Task& task);
  void check_fits(const Task& task, uint64_t room) const;
  size_t committed_with(const Job* next) const;
  size_t pages_in_use() const;
  size_t pages_to_come(const Job& job) const;
  SequenceId take_over(Job& job);
  void make_room();
  void cancel_if(const std::function<bool(const Job&)>& asked);
  void admit();
  // The running job whose prompt has the longest beginning in common with another prompt, and the
  // length of that beginning in whole pages. `job` is null if no whole page is in common.
  struct Ancestor {
    Job* job = nullptr;
    size_t pages = 0;
  };
  // Returns the ancestor of `prompt` among the first `before` running jobs.
  Ancestor find_ancestor(PromptPass& prompt, size_t before);
  bool may_begin(size_t index);
  void compute();
  void keep_texts_of(const Job& job);
  void count(const Job& job, const Completion& completion);
  void finish(Job& job) noexcept;
  void retire() noexcept;

  Decoder decoder_;
  const Model model_;
  size_t max_pages_;
  uint64_t most_bytes_;
  bool share_prefixes_;
  SchedulerOptions::Keep keep_;
  KeptTexts kept_;
  int64_t rows_ = 0;
  GeneratorStats ended_;  // the counts of requests that have ended, and of passes
  std::deque<Job> waiting_;
  std::vector<Job> running_;
};

// Returns SchedulerOptions::kv_bytes: `asked`, or half of the free memory if `asked` is 0. It is
// never more than the free memory, nor more than LoadOptions::max_ram leaves beside the weights.
uint64_t kv_cache_budget(const Model& model, uint64_t asked);
// Returns the options for many requests together. One request alone may need at most the budget of
// options.kv_memory, or all memory that is left if that is 0.
SchedulerOptions scheduler_options(const Model& model, const GeneratorOptions& options);

// Runs one request to its end and returns its answer. Throws the request's error; the scheduler can
// take the next request all the same.
Completion run_alone(Scheduler& scheduler, std::unique_ptr<Task> task, const CancelToken& cancel);

}  // namespace gptj
