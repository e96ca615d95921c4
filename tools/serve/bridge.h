// SPDX-License-Identifier: Apache-2.0
// Between the server and the generator: requests for text go in, and what comes out reaches their
// answers on a thread that may take its time.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "errors.h"
#include "gptj/gptj.h"
#include "metrics.h"
#include "reply.h"
#include "worker.h"

namespace gptj::serve {

// A TokenEvent that owns its data. `prompt` is the number of the prompt among those of the ticket.
struct Event {
  size_t prompt = 0;
  int64_t index = 0;
  TokenId id = TokenEvent::kNoToken;
  bool echoed = false;
  std::string text = {};
  std::optional<LogprobEntry> logprobs = {};
  std::optional<FinishReason> finish_reason = {};
};

// One HTTP request on its way through the generator: one or more prompts, and who answers. Its
// functions are called on the rendering thread, one at a time; everything else of it belongs to
// that thread too, once it is submitted.
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<Reply> reply) : reply_(std::move(reply)) {}
  virtual ~Ticket() = default;

  // Whether on_event() is called for tokens as they come.
  virtual bool wants_events() const = 0;
  virtual void on_event(const Event& event) = 0;
  // All prompts have been answered.
  virtual void on_end(std::vector<Completion> completions) = 0;
  // A prompt has failed; nothing else is called afterwards.
  virtual void on_error(std::exception_ptr error) = 0;

  Reply& reply() { return *reply_; }
  const CancelToken& cancel_token() const { return cancel_; }

 private:
  friend class Bridge;
  const std::shared_ptr<Reply> reply_;
  const CancelToken cancel_;
  std::vector<Completion> completions_;
  std::vector<std::chrono::steady_clock::time_point> last_token_;  // of each prompt
  size_t open_ = 0;
  bool accepted_ = false, failed_ = false;
  std::vector<std::function<void()>> early_;  // calls that came before all prompts were submitted
};

class Bridge {
 public:
  enum class State { kLoading, kReady, kDraining };

  Bridge(int64_t max_queue, Metrics& metrics) : max_queue_(max_queue), metrics_(metrics) {}

  // Opens for requests.
  void open(const Model& model, const GeneratorOptions& options);
  // Takes no more requests; those that there are go on.
  void drain() { state_ = State::kDraining; }
  // Cancels all requests and waits for their end and for the threads.
  void close();

  State state() const { return state_; }
  // Returns whether open() was called.
  bool is_open() const { return is_open_; }
  // REQUIRES: open() was called.
  const Model& model() const { return *model_; }
  GeneratorStats stats() const;

  // Returns the error of a server that takes no request now: it loads, ends, or its queue is full.
  // Any thread may call this.
  std::optional<ApiError> refuse() const;
  bool is_full() const;
  // Does a piece of work on the thread that reads requests. An exception of it is the answer.
  void read(const std::shared_ptr<Reply>& reply, std::function<void()> work);
  // Submits the prompts of a ticket: all, or none if one is wrong. Throws as Generator::submit().
  void submit(const std::shared_ptr<Ticket>& ticket, std::vector<Request> requests);

  // Returns whether the generator has made progress within so many seconds, or has nothing to do.
  bool is_alive(double seconds);

 private:
  void submit_prompt(const std::shared_ptr<Ticket>& ticket, size_t prompt, Request request);
  void call(const std::shared_ptr<Ticket>& ticket, std::function<void()> f);
  void end(Ticket& ticket, size_t prompt, Completion completion, std::exception_ptr error);
  int retry_after() const;

  const int64_t max_queue_;
  Metrics& metrics_;
  std::atomic<State> state_ = State::kLoading;
  std::atomic<bool> is_open_ = false;     // true once model_ and generator_ are there
  std::atomic<int64_t> open_ = 0;         // prompts that were accepted and have not ended
  std::atomic<int64_t> reading_ = 0;      // requests that are being read
  std::atomic<double> mean_seconds_ = 1;  // of the generation of one prompt, lately
  std::optional<Model> model_;
  std::unique_ptr<Generator> generator_;
  int64_t last_passes_ = 0;
  std::chrono::steady_clock::time_point progressed_ = std::chrono::steady_clock::now();
  // Last, so that their threads end first.
  Worker reader_, renderer_;
};

}  // namespace gptj::serve
