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

// Returns the number of CPUs that this process may use: those of its affinity mask, limited by its
// cgroup's quota.
size_t available_cpus();
// Returns `cpus` limited by `quota`, which is rounded up; at least 1.
size_t cpus_within(size_t cpus, double quota);
// Throws kInvalidArgument if `threads` exceeds 1024, the most that may be asked for.
void check_threads(size_t threads);

// A half-open range.
struct SliceRange {
  size_t begin, end;
};
// Returns the range of `n` items that slice number `slice` of `slices` takes. Sizes differ by at
// most one.
inline SliceRange slice_range(size_t n, size_t slice, size_t slices) {
  return {n * slice / slices, n * (slice + 1) / slices};
}

// A static pool: parallel(f) calls f(0) ... f(slices() - 1), each once, and returns when all are
// done. Work is cut into as many slices as threads were asked for, but there are no more workers
// than available CPUs. Each worker runs the same number of slices: if more threads were asked for
// than there are CPUs, the number of slices is rounded up to a multiple of the workers, so that
// asking for more costs nothing. Each slice always runs on the same worker, so that the worker
// finds in its cache and memory the data that it touched before. Waiting threads spin briefly, then
// sleep.
class ThreadPool {
 public:
  // Starts the workers. 0 threads means available_cpus(). If the system refuses to make more
  // threads, the threads already made do all the work.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Returns the number of threads that was asked for.
  size_t threads() const { return asked_; }
  size_t slices() const { return slices_; }

  // Calls f once for each slice, and returns when all are done. Calls from several threads queue.
  // REQUIRES: `f` neither throws nor calls parallel().
  void parallel(const std::function<void(size_t slice)>& f);
  // Calls f once for each worker, with the range of its neighbouring slices; for work that is
  // cheaper in a few large pieces than in many small ones. Otherwise as parallel().
  void parallel_ranges(const std::function<void(SliceRange slices)>& f);

 private:
  void work(size_t worker);

  const size_t asked_;
  size_t workers_, slices_;  // the calling thread is worker 0
  std::mutex queue_;

  const std::function<void(SliceRange)>* job_ = nullptr;
  std::atomic<uint64_t> generation_{0};  // counts jobs
  std::atomic<size_t> pending_{0};       // helpers still at work on the current job
  std::atomic<bool> stop_{false};
  std::atomic<size_t> sleepers_{0};         // helpers that wait for wake_
  std::atomic<bool> caller_sleeps_{false};  // true while the caller waits for done_
  std::mutex sleep_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> helpers_;
};

}  // namespace gptj
