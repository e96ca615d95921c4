// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/kv_cache_fixture.h"

namespace gptj {
namespace {

class KvPages : public test::KvCacheTest {
 protected:
  // In order of addresses.
  std::vector<const std::byte*> pages(SequenceId s) const {
    std::vector<const std::byte*> found(cache_.pages(s), cache_.pages(s) + cache_.page_count(s));
    std::sort(found.begin(), found.end());
    return found;
  }
};

TEST_F(KvPages, WhatARemovedSequenceLeavesIsUsedAgain) {
  const SequenceId first = sequence(200);
  const auto left = pages(first);
  ASSERT_EQ(left.size(), 4u);
  cache_.remove(first);
  EXPECT_EQ(pages(sequence(250)), left);
}

TEST_F(KvPages, WhatIsTruncatedIsUsedAgain) {
  const SequenceId first = sequence(200);
  const auto all = pages(first);
  cache_.truncate(first, 64);
  const SequenceId second = sequence(192);
  auto both = pages(first);
  EXPECT_EQ(both.size(), 1u);
  for (const std::byte* page : pages(second)) both.push_back(page);
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, all);
}

TEST_F(KvPages, WhatAnotherSequenceHoldsIsNotTaken) {
  const SequenceId first = sequence(200);
  const SequenceId fork = cache_.fork(first, 128);
  const auto held = pages(fork);
  cache_.remove(first);
  const auto next = pages(sequence(250));
  for (const std::byte* page : held) EXPECT_EQ(std::count(next.begin(), next.end(), page), 0);
  cache_.remove(fork);
  EXPECT_EQ(pages(sequence(128)), held);
}

}  // namespace
}  // namespace gptj
