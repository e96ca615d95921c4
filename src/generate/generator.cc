// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <mutex>
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
    std::shared_ptr<std::promise<Completion>> promise;
  };

  void work();
  void submit_to_scheduler(std::vector<Submission> submissions);
  // Returns the requests that were submitted since the last call. If `idle`, waits until there are
  // some or `stop` is set.
  std::vector<Submission> take(bool idle);

  const Model model;
  Scheduler scheduler;  // only `thread` uses it
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Submission> submitted;
  bool stop = false;
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
      scheduler.add(std::move(s.task), s.cancel, [promise = s.promise](Outcome outcome) {
        if (outcome.error) {
          promise->set_exception(outcome.error);
        } else {
          promise->set_value(std::move(outcome.completion));
        }
      });
    } catch (...) {  // the request can never fit, or memory ran out
      s.promise->set_exception(std::current_exception());
    }
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
  state_ = std::make_unique<State>(
      model, scheduler_options(model, options.kv_memory, options.share_prefixes));
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
  std::unique_ptr<Task> task = make_task(state_->model, std::move(request));
  {
    const std::lock_guard lock(state_->mutex);
    state_->submitted.push_back({std::move(task), cancel, std::move(promise)});
  }
  state_->wake.notify_all();
  return future;
}

}  // namespace gptj
