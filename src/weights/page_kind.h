// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace gptj {

// The pages in which weights are read faster here, by reading half a gigabyte of either: on some
// machines small ones cost a fifth of the speed, on others huge ones do. Huge where neither is
// clearly better, or where there is no memory to spare for trying.
Pages fastest_pages(const KernelTable& kernels, ThreadPool& pool);

// By the seconds that the same reading took in either.
Pages faster_pages(double of_huge, double of_small);

}  // namespace gptj
