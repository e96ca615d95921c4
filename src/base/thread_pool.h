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

// How many CPUs this process may use: its affinity mask, cut to its cgroup's quota (rounded up).
size_t available_cpus();

// The half-open range of `n` things that part `part` of `parts` takes; sizes differ by at most one.
struct PartRange {
  size_t begin, end;
};
inline PartRange part_range(size_t n, size_t part, size_t parts) {
  return {n * part / parts, n * (part + 1) / parts};
}

// A static pool: run(f) calls f(0) ... f(parts() - 1), each once, and returns when all are done.
// `parts` decides how work is cut; no more workers than available CPUs run them, so asking for more
// parts than CPUs costs nothing. Which worker runs which part is fixed, so a worker finds in its
// cache and memory what it touched before. Workers spin briefly between calls, then sleep.
class ThreadPool {
 public:
  // 0 means available_cpus().
  explicit ThreadPool(size_t parts);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t parts() const { return parts_; }

  // Calls from several threads queue. `f` must not throw and must not call run().
  void run(const std::function<void(size_t part)>& f);
  // The same, calling f once for all the neighbouring parts of a worker: where many small pieces
  // would cost more than few large ones.
  void run_ranges(const std::function<void(PartRange parts)>& f);

 private:
  void work(size_t worker);

  const size_t parts_;
  size_t workers_;  // the calling thread is worker 0
  std::mutex queue_;

  const std::function<void(PartRange)>* job_ = nullptr;
  std::atomic<uint64_t> generation_{0};  // counts jobs; odd values are not special
  std::atomic<size_t> pending_{0};       // helpers still at work on the current job
  std::atomic<bool> stop_{false};
  std::atomic<size_t> sleepers_{0};
  std::mutex sleep_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

}  // namespace gptj
