// SPDX-License-Identifier: Apache-2.0
// What the machine can do at best: read memory, and multiply. Other guests of a shared machine
// move both from one second to the next, and no two buffers lie alike in the memory of its host; so
// besides the figures of the machine there are those of the moment, taken beside every timed run:
// of reading the very bytes that the run reads, and of multiplying.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "gptj/bench.h"
#include "kernels/kernels.h"

namespace gptj {

double median(std::vector<double> values);

// Bytes per second that all threads read together: the best median over one and four streams per
// thread, and over huge and small pages.
double measure_read(const KernelTable& kernels, ThreadPool& pool, uint64_t bytes);
// The size of the buffer for it: 4 GiB, or half of what is free.
uint64_t read_buffer_bytes();

// Bytes per second that all threads read of some memory that is there already, each its share of
// every span: with nothing but loads, the median of a few passes, by one or four streams, whichever
// is faster.
double read_again(const KernelTable& kernels, ThreadPool& pool,
                  std::span<const std::span<const std::byte>> spans);

// Operations per second of a product's own multiplications, their operands at hand.
class MultiplyWall {
 public:
  MultiplyWall(const ProductKernel& product, ThreadPool& pool);
  double measure() const;
  double in_passing() const;

 private:
  double burst() const;

  const ProductKernel& product_;
  ThreadPool& pool_;
  uint64_t steps_ = 1 << 14;  // that take long enough to be timed
};

}  // namespace gptj
