// SPDX-License-Identifier: Apache-2.0
#include "engine/attention_plan.h"

#include <algorithm>
#include <functional>
#include <span>

namespace gptj {
namespace {

// Returns the number of leading pages that the block's spans and `span` share, and that all of
// their rows see in full.
size_t common_pages(const AttentionBlock& block, const AttentionSpan& span) {
  const size_t whole = std::min(block.common_pages, span.first_position / kPagePositions);
  const void* const* pages = block.spans[0].pages;
  return static_cast<size_t>(std::mismatch(pages, pages + whole, span.pages).first - pages);
}

// Returns true if `span` should join the block: their rows fit one block, and sharing `common`
// pages with `span` as well saves at least as many page reads as the block's spans save without it.
bool worth_joining(const AttentionBlock& block, const AttentionSpan& span, size_t common) {
  const size_t n = block.spans.size();
  return block.rows + span.rows <= kAttentionRows && common > 0 &&
         common * n >= block.common_pages * (n - 1);
}

// Returns one item per (head, block), ordered by head.
std::vector<AttentionItem> items_of(const std::vector<AttentionBlock>& blocks, size_t n_head) {
  std::vector<AttentionItem> items;
  for (size_t head = 0; head < n_head; ++head) {
    for (size_t i = 0; i < blocks.size(); ++i) {
      size_t cost = 0;
      for (const AttentionSpan& span : blocks[i].spans) {
        cost += span.rows * std::max(span.first_position + span.rows, span.prefix);
      }
      items.push_back({head, i, static_cast<int64_t>(cost)});
    }
  }
  return items;
}

// Cuts the items into `slices` neighbouring ranges of nearly equal cost, and returns where they
// begin, and the number of items.
std::vector<size_t> equal_cost_ranges(const std::vector<AttentionItem>& items, size_t slices) {
  int64_t total = 0;
  for (const AttentionItem& item : items) total += item.cost;
  std::vector<size_t> begins(slices + 1, items.size());
  size_t slice = 0;
  int64_t before = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto middle = static_cast<double>(before) + 0.5 * static_cast<double>(items[i].cost);
    const auto owner =
        static_cast<size_t>(middle * static_cast<double>(slices) / static_cast<double>(total));
    while (slice <= std::min(owner, slices - 1)) begins[slice++] = i;
    before += items[i].cost;
  }
  return begins;
}

}  // namespace

bool in_order_of_pages(const KvCache& cache, const Row& a, const Row& b) {
  const auto pages_before = [&](const Row& row) {
    const auto n = static_cast<size_t>(row.position) / kPagePositions;
    return std::span(cache.pages(row.sequence), n);
  };
  const auto x = pages_before(a), y = pages_before(b);
  return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), std::less<>());
}

std::vector<AttentionBlock> attention_blocks(const BatchView& batch) {
  std::vector<AttentionBlock> blocks;
  for (const RowSpan& span : batch.spans) {
    for (size_t done = 0; done < span.size; done += kAttentionRows) {
      const Row& row = batch.rows[span.first + done];
      const AttentionSpan some{
          std::min(kAttentionRows, span.size - done), static_cast<size_t>(row.position),
          reinterpret_cast<const void* const*>(batch.cache.pages(row.sequence)),
          static_cast<size_t>(row.prefix)};
      if (!blocks.empty() && span.size <= kAttentionRows) {
        AttentionBlock& last = blocks.back();
        const size_t common = common_pages(last, some);
        if (worth_joining(last, some, common)) {
          last.rows += some.rows;
          last.spans.push_back(some);
          last.common_pages = common;
          continue;
        }
      }
      blocks.push_back(
          {span.first + done, some.rows, {some}, some.first_position / kPagePositions});
    }
  }
  return blocks;
}

AttentionPlan::AttentionPlan(const BatchView& batch, size_t n_head, size_t slices)
    : blocks(attention_blocks(batch)),
      items(items_of(blocks, n_head)),
      begins(equal_cost_ranges(items, slices)),
      whole_heads(std::all_of(begins.begin(), begins.end(),
                              [&](size_t begin) { return begin % blocks.size() == 0; })) {}

}  // namespace gptj
