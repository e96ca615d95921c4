// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <gtest/gtest.h>

namespace gptj {
namespace {

using Words = std::array<uint32_t, 4>;

// Known answers published with Random123, the authors' own implementation.
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, IsUniformAndDependsOnEachArgument) {
  double sum = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    const double u = random_uniform(7, 3, i);
    ASSERT_TRUE(0.0 <= u && u < 1.0);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);  // five standard deviations
  EXPECT_NE(random_bits(1, 2, 3), random_bits(0, 2, 3));
  EXPECT_NE(random_bits(1, 2, 3), random_bits(1, 0, 3));
  EXPECT_NE(random_bits(1, 2, 3), random_bits(1, 2, 0));
  EXPECT_NE(random_bits(uint64_t{1} << 40, 2, 3), random_bits(0, 2, 3));
}

}  // namespace
}  // namespace gptj
