// SPDX-License-Identifier: Apache-2.0
#include "engine/rotary.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace gptj {
namespace {

ModelConfig six_b() {
  return {.vocab_size = 50400,
          .n_positions = 2048,
          .n_embd = 4096,
          .n_layer = 28,
          .n_head = 16,
          .rotary_dim = 64,
          .n_inner = 16384};
}

// FNV-1a over the bits.
uint64_t hash(std::span<const float> values) {
  uint64_t h = 0xcbf29ce484222325u;
  for (const float value : values) h = (h ^ std::bit_cast<uint32_t>(value)) * 0x100000001b3u;
  return h;
}

// libm makes these tables; were another one to round differently, models would give other bits.
TEST(Rotary, TablesHaveTheirKnownBits) {
  EXPECT_EQ(hash(RotaryTable(six_b()).values()), 1760383955121346928u);
}

TEST(Rotary, RotatesPairsByTheirAngles) {
  const RotaryTable table(six_b());
  std::vector<float> head(256);
  for (size_t d = 0; d < 256; ++d) head[d] = static_cast<float>(d + 1);
  table.rotate(head.data(), 1234);
  for (size_t i = 0; i < 32; ++i) {
    const double angle = 1234 * std::pow(10000.0, -2.0 * static_cast<double>(i) / 64);
    const double even = static_cast<double>(2 * i + 1), odd = even + 1;
    // The angle, up to 1234, is rounded to f32 twice on its way.
    const double bound = 64 * 1234 * 0x1p-23;
    EXPECT_NEAR(head[2 * i], even * std::cos(angle) - odd * std::sin(angle), bound);
    EXPECT_NEAR(head[2 * i + 1], odd * std::cos(angle) + even * std::sin(angle), bound);
  }
  for (size_t d = 64; d < 256; ++d) EXPECT_EQ(head[d], static_cast<float>(d + 1));
}

}  // namespace
}  // namespace gptj
