// SPDX-License-Identifier: Apache-2.0
// A thousand conversations, in caches in which something is dropped all the time.
#include <gtest/gtest.h>

#include "generate/conversations.h"

namespace gptj {
namespace {

TEST(KeptTextsLong, AThousandConversationsAreAsIfComputedAnew) {
  int64_t taken = 0;
  for (uint64_t first = 0; first < 1000; first += 8) {
    taken += test::talk(1000 + first, 8, 6, 8 + first % 40);
  }
  EXPECT_GT(taken, 100'000);
}

}  // namespace
}  // namespace gptj
