// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace gptj::serve {

// A thread that does pieces of work in their order. Neither the thread of the connections nor the
// generator's does what takes long: they hand it to a worker.
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  // Does all work that was given, then ends.
  ~Worker() { stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Adds a piece of work, which must not throw. Any thread may call this.
  void post(std::function<void()> work);
  // Waits until all work is done and ends the thread. Later work is dropped.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace gptj::serve
