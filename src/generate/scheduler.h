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

// Answers many requests together: prompts in chunks beside texts being made, all of them rows of
// one forward pass after the other, so that the weights are read once for all. A request is let in,
// first come first served, once the cache has room for all that it may come to need; so nothing
// that has begun ever waits for memory. By promise 2 no answer depends on the company it had.
//
// Belongs to one thread at a time.
class Scheduler {
 public:
  // `kv_bytes`: of the KV cache at once; a request that needs more runs alone.
  Scheduler(const Model& model, uint64_t kv_bytes);

  using Done = std::function<void(Outcome)>;
  // `done` is called once, from step().
  void add(std::unique_ptr<Task> task, CancelToken cancel, Done done);
  // One forward pass. False if there is nothing to do. What goes wrong with one request alone is
  // its outcome; what is thrown here concerns all, and leaves them for fail_all().
  bool step();
  // Ends all requests: with an error, or with what there is.
  void fail_all(const std::exception_ptr& error);
  void cancel_all();

  // Requests let in, and those that wait.
  size_t running() const { return running_.size(); }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Job {
    std::unique_ptr<Task> task;
    CancelToken cancel;
    Done done;
    size_t pages;
    size_t first_row = 0;           // of this step
    std::exception_ptr error = {};  // of the task alone
  };

  void cancel_if(const std::function<bool(const Job&)>& asked);
  void admit();
  void compute();
  void finish(Job& job);
  void retire();

  WeightType weights_;
  Decoder decoder_;
  size_t max_pages_, pages_ = 0;
  std::deque<Job> waiting_;
  std::vector<Job> running_;
};

}  // namespace gptj
