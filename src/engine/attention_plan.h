// SPDX-License-Identifier: Apache-2.0
// How attention over a batch is cut into work for threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/batch.h"
#include "engine/kv_cache.h"
#include "kernels/kernels.h"

namespace gptj {

// The rows of one call, their spans, and the cache that holds their sequences.
struct BatchView {
  std::span<const Row> rows;
  std::span<const RowSpan> spans;
  KvCache& cache;
};

// Rows of a batch that go through attention together. A block is either a piece of one span, small
// enough that a prompt's triangle spreads evenly over threads, or several spans that begin with the
// same pages.
struct AttentionBlock {
  size_t first, rows;  // rows of the batch
  std::vector<AttentionSpan> spans;
  // Leading pages that all spans share; for one span, the pages that all its rows see in full.
  size_t common_pages;
};

// Returns the blocks of a batch in the order of its rows. Neighbouring spans join in one block
// where that saves reading pages. The blocks' pointers point into the cache, and stay valid until
// the cache changes.
std::vector<AttentionBlock> attention_blocks(const BatchView& batch);

// One head of one block: the unit of work that attention hands to a thread.
struct AttentionItem {
  size_t head;
  size_t block;  // index of AttentionPlan::blocks
  int64_t cost;  // about the number of (row, key) pairs
};

// The work of attention over a batch. It is the same in every layer.
struct AttentionPlan {
  // REQUIRES: the cache has been extended by the positions of the batch's rows.
  AttentionPlan(const BatchView& batch, size_t n_head, size_t slices);

  std::vector<AttentionBlock> blocks;
  // One item for each head and block, ordered by head: every head has blocks.size() items.
  std::vector<AttentionItem> items;
  // Slice s of the pool takes items[begins[s]] .. items[begins[s + 1] - 1].
  std::vector<size_t> begins;
  bool whole_heads;  // true if no head's items belong to more than one slice
};

// A batch on its way through the layers. The plan points into the cache, which must not be extended
// or shortened meanwhile.
struct Pass {
  Pass(const BatchView& its_batch, size_t n_head, size_t slices)
      : batch(its_batch), plan(batch, n_head, slices) {}

  BatchView batch;
  AttentionPlan plan;
};

// Returns true if row `a` sorts before row `b`. The order is a strict weak order by the addresses
// of the whole pages before a row, so that rows of sequences that share pages become neighbours.
bool in_order_of_pages(const KvCache& cache, const Row& a, const Row& b);

}  // namespace gptj
