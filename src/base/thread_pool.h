// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gptj {

// How many CPUs this process may use: its affinity mask, cut to its cgroup's quota.
size_t available_cpus();
// The same of known numbers: a quota is rounded up.
size_t cpus_within(size_t cpus, double quota);
// Throws kInvalidArgument above 1024, the most that may be asked for.
void check_threads(size_t threads);

// The half-open range of `n` things that part `part` of `parts` takes; sizes differ by at most one.
struct PartRange {
  size_t begin, end;
};
inline PartRange part_range(size_t n, size_t part, size_t parts) {
  return {n * part / parts, n * (part + 1) / parts};
}

// A static pool: run(f) calls f(0) ... f(parts() - 1), each once, and returns when all are done.
// Work is cut into as many parts as threads were asked for, but no more workers than available CPUs
// run them, each the same number: where more were asked for, parts are rounded up to a multiple of
// the workers, so asking for more costs nothing. Which worker runs which part is fixed, so a worker
// finds in its cache and memory what it touched before. Who waits spins briefly, then sleeps.
class ThreadPool {
 public:
  // 0 means available_cpus(). Where the system makes no more threads, those there are do the work.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // As asked for.
  size_t threads() const { return asked_; }
  size_t parts() const { return parts_; }

  // Calls from several threads queue. `f` must not throw and must not call run().
  void run(const std::function<void(size_t part)>& f);
  // The same, calling f once for all the neighbouring parts of a worker: where many small pieces
  // would cost more than few large ones.
  void run_ranges(const std::function<void(PartRange parts)>& f);

 private:
  void work(size_t worker);

  const size_t asked_;
  size_t workers_, parts_;  // the calling thread is worker 0
  std::mutex queue_;

  const std::function<void(PartRange)>* job_ = nullptr;
  std::atomic<uint64_t> generation_{0};  // counts jobs
  std::atomic<size_t> pending_{0};       // helpers still at work on the current job
  std::atomic<bool> stop_{false};
  std::atomic<size_t> sleepers_{0};         // helpers that sleep until wake_
  std::atomic<bool> caller_sleeps_{false};  // until done_
  std::mutex sleep_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> helpers_;
};

}  // namespace gptj
