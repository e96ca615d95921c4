// SPDX-License-Identifier: Apache-2.0
#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gptj {
namespace {

// The value of a half by its definition, in double.
double half_value(uint16_t h) {
  const double sign = (h & 0x8000) != 0 ? -1.0 : 1.0;
  const int exponent = (h >> 10) & 31, fraction = h & 1023;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  if (exponent == 31) return fraction == 0 ? sign * HUGE_VAL : std::nan("");
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(Half, WidensEveryValueExactly) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float widened = f16_to_f32(static_cast<uint16_t>(h));
    const double expected = half_value(static_cast<uint16_t>(h));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(widened)) << h;
    } else {
      EXPECT_EQ(static_cast<double>(widened), expected) << h;
      EXPECT_EQ(std::signbit(widened), (h & 0x8000) != 0) << h;
    }
  }
}

TEST(Half, NarrowingUndoesWidening) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const auto half = static_cast<uint16_t>(h);
    if (std::isnan(half_value(half))) continue;
    EXPECT_EQ(f32_to_f16(f16_to_f32(half)), half);
  }
}

TEST(Half, RoundsToNearestEven) {
  // Between each neighbouring pair of finite halves: the middle goes to the even one, a hair to
  // either side to the nearer.
  for (uint32_t h = 0; h < 0x7bff; ++h) {
    const auto low = static_cast<uint16_t>(h), high = static_cast<uint16_t>(h + 1);
    const auto middle = static_cast<float>((half_value(low) + half_value(high)) / 2);
    EXPECT_EQ(f32_to_f16(middle), h % 2 == 0 ? low : high) << h;
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), low) << h;
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, HUGE_VALF)), high) << h;
  }
}

TEST(Half, OverflowsToInfinityAndKeepsNan) {
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xfc00);
  EXPECT_EQ(f32_to_f16(1e-30f), 0);
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Bfloat16, RoundsToNearestEven) {
  EXPECT_EQ(f32_to_bf16(1.0f), 0x3f80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // a tie, to even
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);  // a tie, to even
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
  for (uint32_t b = 0; b < 65536; ++b) {
    const float widened = bf16_to_f32(static_cast<uint16_t>(b));
    if (!std::isnan(widened)) {
      EXPECT_EQ(f32_to_bf16(widened), b);
    }
  }
}

}  // namespace
}  // namespace gptj
