// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/float_environment.h"
#include "base/signals_blocked.h"
#include "generate/scheduler.h"

namespace gptj {

struct Generator::State {
  State(const Model& m, const SchedulerOptions& options) : model(m), scheduler(m, options) {}

  struct Submission {
    std::unique_ptr<Task> task;
    CancelToken cancel;
    CompletionCallback on_done;
  };

  void work();
  void end(const CompletionCallback& on_done, Outcome outcome);
  void publish() noexcept;
  void submit_to_scheduler(std::vector<Submission> submissions);
  // Returns the requests that were submitted since the last call. If `idle`, waits until there are
  // some or `stop` is set.
  std::vector<Submission> take(bool idle);

  const Model model;
  Scheduler scheduler;  // only `thread` uses it, but for check_most()
  int64_t refused = 0;  // requests that scheduler.add() refused; only `thread` uses it
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Submission> submitted;
  bool stop = false;
  std::atomic<int64_t> open = 0;  // requests that were submitted and have not ended
  std::mutex stats_mutex;         // held for copies alone, never during a step
  GeneratorStats stats;           // as of the last step
  std::thread thread;
};

std::vector<Generator::State::Submission> Generator::State::take(bool idle) {
  std::unique_lock lock(mutex);
  if (idle) wake.wait(lock, [&] { return stop || !submitted.empty(); });
  return std::exchange(submitted, {});
}

void Generator::State::submit_to_scheduler(std::vector<Submission> submissions) {
  for (Submission& s : submissions) {
    try {
      scheduler.add(std::move(s.task), s.cancel, [this, on_done = s.on_done](Outcome outcome) {
        end(on_done, std::move(outcome));
      });
    } catch (...) {  // the request can never fit, or memory ran out
      ++refused;
      end(s.on_done, {.completion = {}, .error = std::current_exception()});
    }
  }
}

// The statistics count a request as ended before its caller hears of it.
void Generator::State::end(const CompletionCallback& on_done, Outcome outcome) {
  --open;
  publish();
  on_done(std::move(outcome.completion), outcome.error);
}

// Where memory runs out, the old statistics stay.
void Generator::State::publish() noexcept {
  try {
    GeneratorStats now = scheduler.stats();
    now.failed += refused;
    const std::lock_guard lock(stats_mutex);
    stats = now;
  } catch (const std::bad_alloc&) {
  }
}

void Generator::State::work() {
  const DefaultFloatEnvironment environment;
  for (bool idle = true;;) {
    submit_to_scheduler(take(idle));
    {
      const std::lock_guard lock(mutex);
      if (stop) break;
    }
    try {
      idle = !scheduler.step();
      publish();
    } catch (...) {
      scheduler.fail_all(std::current_exception());
      idle = true;
    }
  }
  submit_to_scheduler(take(false));
  try {
    scheduler.cancel_all();
  } catch (...) {
    scheduler.fail_all(std::current_exception());
  }
}

Generator::Generator(const Model& model, const GeneratorOptions& options) {
  state_ = std::make_unique<State>(model, scheduler_options(model, options));
  state_->publish();
  const SignalsBlocked blocked;  // the thread inherits the blocked signals
  try {
    state_->thread = std::thread([state = state_.get()] { state->work(); });
  } catch (const std::system_error& error) {
    fail(ErrorCode::kIo, concat("generator: cannot start a thread: ", error.code().message()));
  }
}

Generator::~Generator() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  state_->thread.join();
}

std::future<Completion> Generator::submit(Request request, const CancelToken& cancel) {
  auto promise = std::make_shared<std::promise<Completion>>();
  std::future<Completion> future = promise->get_future();
  submit(std::move(request), cancel, [promise](Completion completion, std::exception_ptr error) {
    if (error) {
      promise->set_exception(std::move(error));
    } else {
      promise->set_value(std::move(completion));
    }
  });
  return future;
}

void Generator::submit(Request request, const CancelToken& cancel, CompletionCallback on_done) {
  std::unique_ptr<Task> task = make_task(state_->model, std::move(request));
  state_->scheduler.check_most(*task);
  {
    const std::lock_guard lock(state_->mutex);
    state_->submitted.push_back({std::move(task), cancel, std::move(on_done)});
    ++state_->open;
  }
  state_->wake.notify_all();
}

GeneratorStats Generator::stats() const {
  const int64_t open = state_->open;
  const std::lock_guard lock(state_->stats_mutex);
  GeneratorStats stats = state_->stats;
  stats.waiting = std::max(open - stats.running, int64_t{0});
  return stats;
}

}  // namespace gptj
