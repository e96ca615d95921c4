// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <random>

namespace gptj {
namespace {

std::vector<TokenId> merged(size_t (*merge)(const MergeTable&, std::span<TokenId>),
                            const MergeTable& merges, std::vector<TokenId> symbols) {
  symbols.resize(merge(merges, symbols));
  return symbols;
}

TEST(Bpe, LowestRankThenLeftmost) {
  MergeTable merges(3);
  merges.insert(1, 1, {1, 11});
  merges.insert(1, 2, {0, 12});
  merges.insert(11, 12, {2, 99});
  EXPECT_EQ(merged(merge_word, merges, {1, 1, 1, 2}), (std::vector<TokenId>{99}));
  EXPECT_EQ(merged(merge_word, merges, {1, 1, 1}), (std::vector<TokenId>{11, 1}));
  EXPECT_EQ(merged(merge_word, merges, {}), (std::vector<TokenId>{}));
}

TEST(Bpe, ShortAndLongWordsMergeAlike) {
  std::mt19937 random(7);  // NOLINT: a fixed seed
  for (int round = 0; round < 2000; ++round) {
    const TokenId letters = 2 + random() % 3;
    MergeTable merges(40);
    for (uint32_t rank = 0; rank < 40; ++rank) {
      // Any order of ranks, also such as no training would give.
      merges.insert(random() % (letters + rank), random() % (letters + rank),
                    {static_cast<uint32_t>(random() % 40), static_cast<uint32_t>(letters) + rank});
    }
    std::vector<TokenId> word(random() % (kShortWord + 1));
    for (TokenId& symbol : word) symbol = random() % letters;
    EXPECT_EQ(merged(merge_short_word, merges, word), merged(merge_long_word, merges, word));
  }
}

TEST(MergeTable, TheLastOfEqualPairsCounts) {
  MergeTable merges(2);
  merges.insert(3, 4, {0, 5});
  merges.insert(3, 4, {1, 6});
  EXPECT_EQ(merges.find(3, 4).rank, 1u);
  EXPECT_EQ(merges.find(4, 3).rank, Merge::kNever);
}

}  // namespace
}  // namespace gptj
