// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <system_error>

#include "base/cgroup.h"
#include "base/check.h"
#include "base/float_environment.h"
#include "base/signals_blocked.h"

namespace gptj {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The time that a thread spins before it sleeps: longer than any gap between two steps of a forward
// pass, shorter than a user would notice.
constexpr auto kSpin = std::chrono::microseconds(200);

// Waits until ready() or until kSpin has passed. Returns whether ready() is true.
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

size_t cpus_within(size_t cpus, double quota) {
  const double whole = std::ceil(quota);
  return whole < static_cast<double>(cpus) ? std::max<size_t>(1, static_cast<size_t>(whole)) : cpus;
}

namespace {

// Returns the number of CPUs in the affinity mask, or 0 if the system does not say. A kernel built
// for more CPUs than the set has room for returns EINVAL; then a larger set is tried.
size_t affinity_cpus() {
  constexpr size_t kMostCpus = size_t{1} << 20;
  for (size_t n = CPU_SETSIZE; n <= kMostCpus; n *= 2) {
    const size_t bytes = CPU_ALLOC_SIZE(n);
    std::vector<unsigned long> words(bytes / sizeof(unsigned long));
    auto* set = reinterpret_cast<cpu_set_t*>(words.data());
    if (::sched_getaffinity(0, bytes, set) == 0)
      return static_cast<size_t>(CPU_COUNT_S(bytes, set));
    if (errno != EINVAL) return 0;
  }
  return 0;
}

}  // namespace

size_t available_cpus() {
  size_t cpus = affinity_cpus();
  if (cpus == 0) cpus = std::max(1u, std::thread::hardware_concurrency());
  return cpus_within(cpus, cgroup_cpus());
}

void check_threads(size_t threads) {
  constexpr size_t kMost = 1024;
  check_param(threads <= kMost, "threads", "expected 0 to ", kMost, ", found ", threads);
}

ThreadPool::ThreadPool(size_t threads)
    : asked_(threads == 0 ? available_cpus() : threads),
      workers_(std::min(asked_, available_cpus())) {
  helpers_.reserve(workers_ - 1);
  const SignalsBlocked blocked;  // helpers inherit the blocked signals
  try {
    for (size_t worker = 1; worker < workers_; ++worker) {
      helpers_.emplace_back([this, worker] { work(worker); });
    }
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
  // The helpers that there are do the work; they read workers_ only once there is some.
  if (helpers_.size() + 1 < workers_) workers_ = helpers_.size() + 1;
  slices_ = (asked_ + workers_ - 1) / workers_ * workers_;
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(sleep_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadPool::parallel(const std::function<void(size_t slice)>& f) {
  parallel_ranges([&](SliceRange slices) {
    for (size_t slice = slices.begin; slice < slices.end; ++slice) f(slice);
  });
}

// No wake-up is lost, because all counters and sleep flags are sequentially consistent: either the
// waking side sees the flag of the sleeper, or the sleeper sees the new count and does not sleep.
void ThreadPool::parallel_ranges(const std::function<void(SliceRange slices)>& f) {
  const std::lock_guard queue(queue_);
  const DefaultFloatEnvironment environment;
  if (workers_ == 1) return f({0, slices_});
  job_ = &f;
  pending_.store(workers_ - 1);
  generation_.fetch_add(1);
  if (sleepers_.load() > 0) {
    const std::lock_guard lock(sleep_);
    wake_.notify_all();
  }
  f(slice_range(slices_, 0, workers_));
  const auto done = [&] { return pending_.load() == 0; };
  if (spin(done)) return;
  std::unique_lock lock(sleep_);
  caller_sleeps_ = true;
  done_.wait(lock, done);
  caller_sleeps_ = false;
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
    (*job_)(slice_range(slices_, worker, workers_));
    if (pending_.fetch_sub(1) == 1 && caller_sleeps_.load()) {
      const std::lock_guard lock(sleep_);
      done_.notify_one();
    }
  }
}

}  // namespace gptj
