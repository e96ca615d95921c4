// SPDX-License-Identifier: Apache-2.0
// What the machine can do at best: read memory, and multiply. Other guests of a shared machine
// move both from one second to the next, so each is measured as a whole, for its figure, and again
// in passing, beside every timed run.
#pragma once

#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "gptj/bench.h"
#include "kernels/kernels.h"

namespace gptj {

double median(std::vector<double> values);

class ReadBuffer;

// Bytes per second that all threads read together.
class ReadWall {
 public:
  ReadWall(const KernelTable& kernels, ThreadPool& pool);
  ~ReadWall();

  // The best median over one and four streams per thread, and over huge and small pages.
  double measure();
  // A few passes in the way that was the best.
  double in_passing() const;
  // Of the buffer that is read, and kept from one measurement to the next: 4 GiB, or half of what
  // is free.
  uint64_t bytes() const { return bytes_; }

 private:
  double pass(const ReadBuffer& buffer, size_t streams) const;

  const KernelTable& kernels_;
  ThreadPool& pool_;
  uint64_t bytes_;
  std::unique_ptr<ReadBuffer> buffer_;
  size_t streams_ = 4;
};

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
