// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <span>

#include "base/clock.h"
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

// Attention of one layer, item by item.
struct LayerAttention {
  // Rotates q and k of the item's rows, and writes their k and v into the cache.
  void rotate_and_store(const AttentionItem& item, float* scratch) const {
    const size_t column = item.head * heads.dim;
    const size_t offset = pass.batch.cache.page_offset(layer, item.head);
    const AttentionBlock& block = pass.plan.blocks[item.block];
    size_t r = block.first;
    for (const AttentionSpan& span : block.spans) {
      std::byte* const* pages = pass.batch.cache.pages(pass.batch.rows[r].sequence);
      for (const size_t end = r + span.rows; r < end; ++r) {
        const int64_t position = pass.batch.rows[r].position;
        float* q = qkv.row(r) + column;
        float* k = q + heads.width;
        rotary.rotate(q, position);
        rotary.rotate(k, position);
        pass.batch.cache.store(kernels, position, k, k + heads.width,
                               pages[static_cast<size_t>(position) / kPagePositions] + offset,
                               scratch);
      }
    }
  }

  // Computes `out` for the item's rows. REQUIRES: all keys and values that these rows see have been
  // stored.
  void attend(const AttentionItem& item, float* scratch) const {
    const size_t column = item.head * heads.dim;
    const AttentionBlock& block = pass.plan.blocks[item.block];
    kernels.attention[pass.batch.cache.element()](
        {.q = qkv.row(block.first) + column,
         .q_stride = qkv.stride(),
         .out = out.row(block.first) + column,
         .out_stride = out.stride(),
         .spans = block.spans.data(),
         .n_spans = block.spans.size(),
         // A block of one span has no pages in common with another span.
         .common_pages = block.spans.size() > 1 ? block.common_pages : 0,
         .page_offset = pass.batch.cache.page_offset(layer, item.head),
         .head_dim = heads.dim,
         .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(heads.dim))),
         .scratch = scratch});
  }

  const KernelTable& kernels;
  const RotaryTable& rotary;
  Heads heads;
  size_t layer;
  const Pass& pass;
  Matrix& qkv;
  Matrix& out;
};

}  // namespace

void attention(Engine& engine, const RotaryTable& rotary, const ModelConfig& config, size_t layer,
               const Pass& pass, Matrix& qkv, Matrix& out) {
  const auto start = Clock::now();
  const LayerAttention step{engine.kernels(), rotary, Heads(config), layer, pass, qkv, out};
  const AttentionPlan& plan = pass.plan;
  const auto for_each_item = [&](size_t items_at_once, bool store, bool attend) {
    engine.parallel([&](size_t slice) {
      float* scratch = engine.scratch(slice);
      for (size_t i = plan.begins[slice]; i < plan.begins[slice + 1]; i += items_at_once) {
        const auto items = std::span(plan.items).subspan(i, items_at_once);
        if (store)
          for (const AttentionItem& item : items) step.rotate_and_store(item, scratch);
        if (attend)
          for (const AttentionItem& item : items) step.attend(item, scratch);
      }
    });
  };
  if (plan.whole_heads) {
    // A head's rows need only keys and values of the same head, so one parallel call does both.
    for_each_item(plan.blocks.size(), true, true);
  } else {
    for_each_item(1, true, false);
    for_each_item(1, false, true);
  }
  engine.times.attention += seconds_since(start);
}

}  // namespace gptj
