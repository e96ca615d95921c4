// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/ops.h"
#include "kernels/kernels.h"

namespace gptj {

// Rows of a batch that go through attention together. A block is either a piece of one run, small
// enough that a prompt's triangle spreads evenly over threads, or several runs that begin with the
// same pages.
struct AttentionBlock {
  size_t first, rows;  // rows of the batch
  std::vector<AttentionRun> runs;
  // Leading pages that all runs share; for one run, the pages that all its rows see in full.
  size_t common_pages;
};

// Returns the blocks of a batch in the order of its rows. Neighbouring runs join in one block where
// that saves reading pages. The blocks' pointers point into the cache, and stay valid until the
// cache changes.
std::vector<AttentionBlock> attention_blocks(const BatchView& batch);

// Returns true if row `a` sorts before row `b`. The order is a strict weak order by the addresses
// of the whole pages before a row, so that rows of sequences that share pages become neighbours.
bool in_order_of_pages(const KvCache& cache, const Row& a, const Row& b);

}  // namespace gptj
