// SPDX-License-Identifier: Apache-2.0
#include "engine/attention_blocks.h"

#include <algorithm>
#include <functional>
#include <span>

namespace gptj {
namespace {

// Returns the number of leading pages that the block's runs and `run` share, and that all of their
// rows see in full.
size_t common_pages(const AttentionBlock& block, const AttentionRun& run) {
  const size_t whole = std::min(block.common_pages, run.first_position / kPagePositions);
  const void* const* pages = block.runs[0].pages;
  return static_cast<size_t>(std::mismatch(pages, pages + whole, run.pages).first - pages);
}

// Returns true if `run` should join the block: their rows fit one block, and sharing `common` pages
// with `run` as well saves at least as many page reads as the block's runs save without it.
bool worth_joining(const AttentionBlock& block, const AttentionRun& run, size_t common) {
  const size_t n = block.runs.size();
  return block.rows + run.rows <= kAttentionRows && common > 0 &&
         common * n >= block.common_pages * (n - 1);
}

}  // namespace

bool in_order_of_pages(const KvCache& cache, const Row& a, const Row& b) {
  const auto pages_of = [&](const Row& row) {
    const auto n = static_cast<size_t>(row.position) / kPagePositions;
    return std::span(cache.pages(row.sequence), n);
  };
  const auto x = pages_of(a), y = pages_of(b);
  return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), std::less<>());
}

std::vector<AttentionBlock> attention_blocks(const BatchView& batch) {
  std::vector<AttentionBlock> blocks;
  for (const Run& run : batch.runs) {
    for (size_t done = 0; done < run.size; done += kAttentionRows) {
      const Row& row = batch.rows[run.first + done];
      const AttentionRun some{std::min(kAttentionRows, run.size - done),
                              static_cast<size_t>(row.position),
                              reinterpret_cast<const void* const*>(batch.cache.pages(row.sequence)),
                              static_cast<size_t>(row.prefix)};
      if (!blocks.empty() && run.size <= kAttentionRows) {
        AttentionBlock& last = blocks.back();
        const size_t common = common_pages(last, some);
        if (worth_joining(last, some, common)) {
          last.rows += some.rows;
          last.runs.push_back(some);
          last.common_pages = common;
          continue;
        }
      }
      blocks.push_back({run.first + done, some.rows, {some}, some.first_position / kPagePositions});
    }
  }
  return blocks;
}

}  // namespace gptj
