// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "generate/task.h"

namespace gptj {

// What became of a request: its completion, or what was thrown.
struct Outcome {
  Completion completion = {};
  std::exception_ptr error = {};
};

struct SchedulerOptions {
  uint64_t kv_bytes = 0;  // of the KV cache at once; a request that needs more runs alone
  // What one request may need of it; 0: what the machine and LoadOptions::max_ram have left.
  uint64_t most_bytes = 0;
  bool share_prefixes = true;
  // Keep what was computed of the last request that ended, for one that begins like it.
  bool keep_last = false;
};

// What was computed of a text: its tokens, and a sequence of the cache.
struct KeptText {
  std::vector<TokenId> ids = {};
  SequenceId sequence = kNoSequence;
};

// Answers many requests together: prompts in chunks beside texts being made, all of them rows of
// one forward pass after the other, so that the weights are read once for all. A request is let in,
// first come first served, once the cache has room for all that it may come to need; so nothing
// that has begun ever waits for memory. A prompt that begins as that of one let in before waits
// until that is computed, and goes on from there: whole pages, computed once and kept once. By
// promise 2 no answer depends on the company it had.
//
// Belongs to one thread at a time.
class Scheduler {
 public:
  Scheduler(const Model& model, const SchedulerOptions& options);

  using Done = std::function<void(Outcome)>;
  // `done` is called once, from step() or whatever ends all; it must not throw. Throws kOutOfMemory
  // with the figures for a request whose pages can never fit; `done` is not called then.
  void add(std::unique_ptr<Task> task, CancelToken cancel, Done done);
  // One forward pass. False if there is nothing to do. What goes wrong with one request alone is
  // its outcome; what is thrown here concerns all, and leaves them for fail_all().
  bool step();
  // Ends all requests: with an error, or with what there is. The first needs no memory.
  void fail_all(const std::exception_ptr& error) noexcept;
  void cancel_all();

  const KeptText& kept() const { return kept_; }
  void keep(KeptText text);
  Decoder& decoder() { return decoder_; }

  // Requests let in, and those that wait.
  size_t running() const { return running_.size(); }
  size_t waiting() const { return waiting_.size(); }
  // Rows that were computed so far, and pages of the cache that are taken or promised.
  int64_t rows() const { return rows_; }
  size_t committed_pages() const;

 private:
  struct Job {
    std::unique_ptr<Task> task;
    CancelToken cancel;
    Done done;
    size_t pages;                   // at most
    size_t pages_to_share = 0;      // of them, those that another's prompt is expected to fill
    size_t first_row = 0;           // of this step
    std::exception_ptr error = {};  // of the task alone
  };

  void check_memory(const Task& task, size_t pages);
  void cancel_if(const std::function<bool(const Job&)>& asked);
  void admit();
  // Of running jobs before the `before`-th, the one whose prompt begins most like `prompt`, and in
  // how many whole pages.
  struct Ancestor {
    Job* job = nullptr;
    size_t pages = 0;
  };
  Ancestor find_ancestor(PromptPass& prompt, size_t before);
  bool may_begin(size_t index);
  void compute();
  void keep_text_of(Job& job);
  void finish(Job& job) noexcept;
  void retire() noexcept;

  Decoder decoder_;
  const Model model_;
  size_t max_pages_;
  uint64_t most_bytes_;
  bool share_prefixes_, keep_last_;
  KeptText kept_;
  int64_t rows_ = 0;
  std::deque<Job> waiting_;
  std::vector<Job> running_;
};

// SchedulerOptions::kv_bytes where `asked` is what the caller says, or 0: half of the memory that
// is free; either way no more than is free, nor than LoadOptions::max_ram leaves beside the
// weights.
uint64_t kv_cache_budget(const Model& model, uint64_t asked);
// The options of many requests together: one alone may need what the caller says, or all there is.
SchedulerOptions scheduler_options(const Model& model, uint64_t kv_memory, bool share_prefixes);

// Runs one request to its end; throws what it throws, and leaves the scheduler fit for the next.
Completion run_alone(Scheduler& scheduler, std::unique_ptr<Task> task, const CancelToken& cancel);

}  // namespace gptj
