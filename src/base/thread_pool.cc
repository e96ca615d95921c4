// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/cgroup.h"
#include "base/float_environment.h"

namespace gptj {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Longer than any gap between two steps of a forward pass, shorter than anyone would notice.
constexpr auto kSpin = std::chrono::microseconds(200);

// Waits until ready() or until kSpin has passed; says which.
template <class Ready>
bool spin(Ready ready) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return ready();
}

}  // namespace

size_t available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  size_t cpus = 0;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) cpus = static_cast<size_t>(CPU_COUNT(&set));
  if (cpus == 0) cpus = std::max(1u, std::thread::hardware_concurrency());
  const double quota = std::ceil(cgroup_cpus());
  return quota < static_cast<double>(cpus) ? std::max<size_t>(1, static_cast<size_t>(quota)) : cpus;
}

ThreadPool::ThreadPool(size_t parts)
    : parts_(parts == 0 ? available_cpus() : parts), workers_(std::min(parts_, available_cpus())) {
  threads_.reserve(workers_ - 1);
  for (size_t worker = 1; worker < workers_; ++worker) {
    threads_.emplace_back([this, worker] { work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(sleep_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(const std::function<void(size_t part)>& f) {
  run_ranges([&](PartRange parts) {
    for (size_t part = parts.begin; part < parts.end; ++part) f(part);
  });
}

void ThreadPool::run_ranges(const std::function<void(PartRange parts)>& f) {
  const std::lock_guard queue(queue_);
  const DefaultFloatEnvironment environment;
  if (workers_ > 1) {
    job_ = &f;
    pending_.store(workers_ - 1, std::memory_order_relaxed);
    generation_.fetch_add(
        1);  // sequentially consistent, as is sleepers_: one of the two sees the other
    if (sleepers_.load() > 0) {
      const std::lock_guard lock(sleep_);
      wake_.notify_all();
    }
  }
  f(part_range(parts_, 0, workers_));
  const auto done = [&] { return pending_.load(std::memory_order_acquire) == 0; };
  while (workers_ > 1 && !spin(done)) std::this_thread::yield();
}

void ThreadPool::work(size_t worker) {
  const DefaultFloatEnvironment environment;
  uint64_t seen = 0;
  for (;;) {
    const auto ready = [&] { return generation_.load() != seen || stop_.load(); };
    if (!spin(ready)) {
      std::unique_lock lock(sleep_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, ready);
      sleepers_.fetch_sub(1);
    }
    if (stop_.load()) return;
    seen = generation_.load();
    (*job_)(part_range(parts_, worker, workers_));
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace gptj
