// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/ops.h"
#include "kernels/kernels.h"

namespace gptj {

// Rows of a batch that go through attention together: some of one run, few enough to spread a
// prompt's triangle evenly over threads, or all of several runs that begin with the same pages.
struct AttentionBlock {
  size_t first, rows;  // rows of the batch
  std::vector<AttentionRun> runs;
  size_t common_pages;  // of the runs; of a single one all that its rows see the whole of
};

// Neighbouring runs join where that saves reading pages. Pointers are the cache's, until it
// changes.
std::vector<AttentionBlock> attention_blocks(const BatchView& batch);

// A strict weak order of rows by the whole pages before them, as the cache has them: those of texts
// that begin alike are neighbours in it.
bool in_order_of_pages(const KvCache& cache, const Row& a, const Row& b);

}  // namespace gptj
