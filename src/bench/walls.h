// SPDX-License-Identifier: Apache-2.0
#pragma once

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

// Operations per second of a product's own multiplications, their operands at hand.
double measure_peak(const ProductKernel& product, ThreadPool& pool);

}  // namespace gptj
