// SPDX-License-Identifier: Apache-2.0
#include "engine/attention_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "engine/batch.h"
#include "engine/kv_cache_fixture.h"

namespace gptj {
namespace {

class AttentionBlocks : public test::KvCacheTest {
 protected:
  void add_rows(SequenceId s, int64_t n) {
    for (int64_t i = 0; i < n; ++i) rows_.push_back({0, s, cache_.length(s) + i, false});
  }
  // Rows, runs and common pages of each block.
  std::vector<std::array<size_t, 3>> blocks() {
    const std::vector<RowSpan> spans = find_row_spans(rows_, test::kOneHead, cache_);
    for (const RowSpan& span : spans) {
      cache_.extend(rows_[span.first].sequence, static_cast<int64_t>(span.size));
    }
    std::vector<std::array<size_t, 3>> found;
    size_t row = 0;
    for (const AttentionBlock& block : attention_blocks({rows_, spans, cache_})) {
      EXPECT_EQ(block.first, row);
      row += block.rows;
      found.push_back({block.rows, block.spans.size(), block.common_pages});
    }
    EXPECT_EQ(row, rows_.size());
    return found;
  }
  using Found = std::vector<std::array<size_t, 3>>;

  std::vector<Row> rows_;
};

TEST_F(AttentionBlocks, APromptIsCutAndSharesNothing) {
  add_rows(sequence(0), 100);
  EXPECT_EQ(blocks(), (Found{{48, 1, 0}, {48, 1, 0}, {4, 1, 1}}));
}

TEST_F(AttentionBlocks, StrangersStayApart) {
  for (int i = 0; i < 3; ++i) add_rows(sequence(200), 1);
  EXPECT_EQ(blocks(), (Found{{1, 1, 3}, {1, 1, 3}, {1, 1, 3}}));
}

TEST_F(AttentionBlocks, ThoseThatBeginAlikeReadTheirPagesOnce) {
  const SequenceId prompt = sequence(200);  // three whole pages
  for (int i = 0; i < 60; ++i) add_rows(cache_.fork(prompt, 200), 1);
  EXPECT_EQ(blocks(), (Found{{48, 48, 3}, {12, 12, 3}}));
}

TEST_F(AttentionBlocks, OrderedByPagesThoseThatBeginAlikeAreNeighbours) {
  const SequenceId prompts[] = {sequence(200), sequence(130), sequence(0)};
  for (int i = 0; i < 12; ++i) {
    const SequenceId prompt = prompts[i % 3];
    add_rows(cache_.fork(prompt, cache_.length(prompt)), 1);
  }
  EXPECT_EQ(blocks().size(), 12u);
  for (const Row& row : rows_) cache_.truncate(row.sequence, row.position);
  std::stable_sort(rows_.begin(), rows_.end(),
                   [&](const Row& a, const Row& b) { return in_order_of_pages(cache_, a, b); });
  Found found = blocks();
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (Found{{1, 1, 0}, {1, 1, 0}, {1, 1, 0}, {1, 1, 0}, {4, 4, 2}, {4, 4, 3}}));
}

TEST_F(AttentionBlocks, APageThatIsWrittenIsNotShared) {
  const SequenceId prompt = sequence(70);
  add_rows(cache_.fork(prompt, 70), 1);
  add_rows(cache_.fork(prompt, 66), 3);
  add_rows(cache_.fork(prompt, 64), 1);
  add_rows(cache_.fork(prompt, 63), 1);
  EXPECT_EQ(blocks(), (Found{{5, 3, 1}, {1, 1, 0}}));
}

TEST_F(AttentionBlocks, OneWithLittleInCommonStaysApart) {
  const SequenceId prompt = sequence(640);
  for (int i = 0; i < 4; ++i) add_rows(cache_.fork(prompt, 640), 1);
  add_rows(cache_.fork(prompt, 64), 1);
  EXPECT_EQ(blocks(), (Found{{4, 4, 10}, {1, 1, 1}}));
}

TEST_F(AttentionBlocks, LongRunsGoAlone) {
  const SequenceId prompt = sequence(128);
  add_rows(cache_.fork(prompt, 128), 20);
  add_rows(cache_.fork(prompt, 128), 28);
  add_rows(cache_.fork(prompt, 128), 60);
  EXPECT_EQ(blocks(), (Found{{48, 2, 2}, {48, 1, 2}, {12, 1, 2}}));
}

}  // namespace
}  // namespace gptj
