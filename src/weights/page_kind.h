// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace gptj {

// Returns the kind of pages in which this machine reads weights faster, measured by reading half a
// gigabyte in each kind. On some machines small pages cost a fifth of the speed; on others huge
// pages do. Returns kHuge if neither is clearly faster, or if there is no memory to spare for the
// measurement.
Pages fastest_pages(const KernelTable& kernels, ThreadPool& pool);

// Returns the faster kind, given the seconds that the same reading took in huge and in small pages.
Pages faster_pages(double of_huge, double of_small);

}  // namespace gptj
