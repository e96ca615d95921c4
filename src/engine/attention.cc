// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/clock.h"
#include "engine/attention_blocks.h"
#include "engine/ops.h"

namespace gptj {
namespace {

struct Heads {
  explicit Heads(const ModelConfig& config)
      : n(static_cast<size_t>(config.n_head)),
        dim(static_cast<size_t>(config.head_dim())),
        width(n * dim) {}
  size_t n, dim, width;
};

// One head of one block: the unit of work that attention hands to a thread.
struct AttentionItem {
  size_t head;
  const AttentionBlock* block;
  int64_t cost;  // about the number of (row, key) pairs
};

// Returns one item per (head, block), ordered by head. Every head has the same number of items.
std::vector<AttentionItem> attention_items(const std::vector<AttentionBlock>& blocks,
                                           size_t n_head) {
  std::vector<AttentionItem> items;
  for (size_t head = 0; head < n_head; ++head) {
    for (const AttentionBlock& block : blocks) {
      size_t cost = 0;
      for (const AttentionRun& run : block.runs) {
        cost += run.rows * std::max(run.first_position + run.rows, run.prefix);
      }
      items.push_back({head, &block, static_cast<int64_t>(cost)});
    }
  }
  return items;
}

// Cuts the items into `parts` neighbouring ranges of nearly equal cost: part p takes
// items[begins[p]] .. items[begins[p + 1] - 1].
std::vector<size_t> equal_cost_ranges(const std::vector<AttentionItem>& items, size_t parts) {
  int64_t total = 0;
  for (const AttentionItem& item : items) total += item.cost;
  std::vector<size_t> begins(parts + 1, items.size());
  size_t part = 0;
  int64_t before = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto middle = static_cast<double>(before) + 0.5 * static_cast<double>(items[i].cost);
    const auto owner =
        static_cast<size_t>(middle * static_cast<double>(parts) / static_cast<double>(total));
    while (part <= std::min(owner, parts - 1)) begins[part++] = i;
    before += items[i].cost;
  }
  return begins;
}

// Attention of one layer, item by item.
struct LayerAttention {
  // Rotates q and k of the item's rows, and writes their k and v into the cache.
  void rotate_and_store(const AttentionItem& item, float* scratch) const {
    const size_t column = item.head * heads.dim;
    const size_t offset = batch.cache.page_offset(layer, item.head);
    size_t r = item.block->first;
    for (const AttentionRun& run : item.block->runs) {
      std::byte* const* pages = batch.cache.pages(batch.rows[r].sequence);
      for (const size_t end = r + run.rows; r < end; ++r) {
        const int64_t position = batch.rows[r].position;
        float* q = qkv.row(r) + column;
        float* k = q + heads.width;
        rotary.rotate(q, position);
        rotary.rotate(k, position);
        batch.cache.store(kernels, position, k, k + heads.width,
                          pages[static_cast<size_t>(position) / kPagePositions] + offset, scratch);
      }
    }
  }

  // Computes `out` for the item's rows. REQUIRES: all keys and values that these rows see have been
  // stored.
  void attend(const AttentionItem& item, float* scratch) const {
    const size_t column = item.head * heads.dim;
    const AttentionBlock& block = *item.block;
    kernels.attention[batch.cache.element()](
        {.q = qkv.row(block.first) + column,
         .q_stride = qkv.stride(),
         .out = out.row(block.first) + column,
         .out_stride = out.stride(),
         .runs = block.runs.data(),
         .n_runs = block.runs.size(),
         // A block of one run has no pages in common with another run.
         .common_pages = block.runs.size() > 1 ? block.common_pages : 0,
         .page_offset = batch.cache.page_offset(layer, item.head),
         .head_dim = heads.dim,
         .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(heads.dim))),
         .scratch = scratch});
  }

  const KernelTable& kernels;
  const RotaryTable& rotary;
  Heads heads;
  size_t layer;
  const BatchView& batch;
  Matrix& qkv;
  Matrix& out;
};

}  // namespace

void attention(Engine& engine, const RotaryTable& rotary, const ModelConfig& config, size_t layer,
               const BatchView& batch, Matrix& qkv, Matrix& out) {
  const auto start = Clock::now();
  const LayerAttention step{engine.kernels(), rotary, Heads(config), layer, batch, qkv, out};
  const std::vector<AttentionBlock> blocks = attention_blocks(batch);
  const std::vector<AttentionItem> items = attention_items(blocks, step.heads.n);
  const std::vector<size_t> begins = equal_cost_ranges(items, engine.parts());
  const size_t per_head = items.size() / step.heads.n;
  const auto run = [&](size_t items_at_once, bool store, bool attend) {
    engine.run([&](size_t part) {
      float* scratch = engine.scratch(part);
      for (size_t i = begins[part]; i < begins[part + 1]; i += items_at_once) {
        const auto some = std::span(items).subspan(i, items_at_once);
        if (store)
          for (const AttentionItem& item : some) step.rotate_and_store(item, scratch);
        if (attend)
          for (const AttentionItem& item : some) step.attend(item, scratch);
      }
    });
  };
  const bool whole_heads = std::all_of(begins.begin(), begins.end(),
                                       [&](size_t begin) { return begin % per_head == 0; });
  if (whole_heads) {
    // A head's rows need only keys and values of the same head, so one parallel call does both.
    run(per_head, true, true);
  } else {
    run(1, true, false);
    run(1, false, true);
  }
  engine.times.attention += seconds_since(start);
}

}  // namespace gptj
