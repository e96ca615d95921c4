// SPDX-License-Identifier: Apache-2.0
// The limits of the machine: its best speeds of reading memory and of multiplying. On a shared
// machine both change from one second to the next because of other guests, and no two buffers lie
// alike in the memory of the host. So each limit is measured twice: once for the machine, and again
// beside every timed run, by reading the very bytes that the run reads and by multiplying.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "gptj/bench.h"
#include "kernels/kernels.h"

namespace gptj {

// Returns the median; 0 if there are no values.
double median(std::vector<double> values);

// Returns the bytes per second that all threads together read of a buffer of `bytes`: the best of
// the medians with one and four streams per thread, and with huge and small pages.
double measure_read(const KernelTable& kernels, ThreadPool& pool, uint64_t bytes);
// Returns the size of the buffer for measure_read(): 4 GiB, or half of the free memory if that is
// less.
uint64_t read_buffer_bytes();

// Returns the bytes per second that all threads together read of existing memory, with nothing but
// loads. Each thread reads its share of every span. The result is the median of a few passes, with
// one or four streams per thread, whichever is faster.
double read_again(const KernelTable& kernels, ThreadPool& pool,
                  std::span<const std::span<const std::byte>> spans);

// Measures the operations per second of a product's own multiplications, with their operands at
// hand. `product` and `pool` must outlive the limit.
class MultiplyLimit {
 public:
  MultiplyLimit(const ProductKernel& product, ThreadPool& pool);
  // Returns the median of several bursts.
  double measure() const;
  // Returns the median of fewer bursts, to be called beside each timed run.
  double in_passing() const;

 private:
  double burst() const;

  const ProductKernel& product_;
  ThreadPool& pool_;
  uint64_t steps_ = 1 << 14;  // steps of a burst that takes long enough to be timed
};

}  // namespace gptj
