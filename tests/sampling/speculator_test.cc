// SPDX-License-Identifier: Apache-2.0
#include "sampling/speculator.h"

#include <gtest/gtest.h>

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;

TEST(Speculator, GuessesWhatFollowedTheSameTokensBefore) {
  Speculator speculator;
  const Ids ids = {1, 2, 3, 4, 5, 6, 7, 1, 2, 3};
  const Ids guess = speculator.propose(ids, 8);
  ASSERT_FALSE(guess.empty());
  EXPECT_EQ(guess[0], 4);
}

TEST(Speculator, HasNoGuessWhereNothingCameBefore) {
  Speculator speculator;
  EXPECT_EQ(speculator.propose(Ids{}, 8), Ids{});
  EXPECT_EQ(speculator.propose(Ids{1, 2}, 8), Ids{});
  EXPECT_EQ(speculator.propose(Ids{1, 2, 3, 4, 5}, 8), Ids{});
}

TEST(Speculator, GuessesMoreWhereItIsRight) {
  Speculator speculator;
  Ids ids;
  size_t longest = 0;
  for (int i = 0; i < 200; ++i) {
    ids.push_back(i % 10);
    longest = std::max(longest, speculator.propose(ids, 100).size());
  }
  EXPECT_EQ(longest, 8u);
  EXPECT_EQ(speculator.propose(ids, 2).size(), 2u);
  EXPECT_EQ(speculator.propose(ids, 0), Ids{});
}

TEST(Speculator, FillsBlocksOfRows) {
  struct Case {
    size_t block, most_rows;  // of the 9 rows of the longest guess
  };
  for (const auto& [block, most_rows] : {Case{1, 9}, {3, 9}, {4, 8}, {5, 5}, {16, 9}}) {
    Speculator speculator({}, block);
    Ids ids;
    size_t rows = 0;
    for (int i = 0; i < 200; ++i) {
      ids.push_back(i % 10);
      rows = speculator.propose(ids, 100).size() + 1;
      EXPECT_TRUE(rows < block || rows % block == 0) << rows << " rows, blocks of " << block;
    }
    EXPECT_EQ(rows, most_rows) << "blocks of " << block;
  }
}

TEST(Speculator, StopsWhereItIsWrongAndBeginsAgain) {
  bool right = false;
  Speculator speculator([&](std::span<const TokenId> ids, size_t most) {
    return Ids(most, right ? ids.back() + 1 : -5);
  });
  Ids ids = {0};
  int guesses = 0;
  for (int i = 0; i < 100; ++i) {
    guesses += !speculator.propose(ids, 1).empty();
    ids.push_back(ids.back() + 1);
  }
  EXPECT_LE(guesses, 2);
  right = true;
  for (int i = 0; i < 30; ++i) {
    speculator.propose(ids, 1);
    ids.push_back(ids.back() + 1);
  }
  EXPECT_EQ(speculator.propose(ids, 1), Ids{ids.back() + 1});
}

}  // namespace
}  // namespace gptj
