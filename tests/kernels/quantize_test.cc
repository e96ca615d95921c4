// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/packed.h"

namespace gptj {
namespace {

using test::Packed;
using test::random_floats;
using test::tested_sets;

void expect_row(const KernelTable& set, const std::vector<float>& x, size_t group) {
  const QuantizedRow expected = quantize_activations(x, group);
  const size_t k = x.size(), groups = group_count(k, group);
  std::vector<int8_t> q(padded_inputs(k), 77);
  std::vector<float> scales(groups, -1.0f);
  std::vector<int32_t> sums(groups, -1);
  set.quantize_row(x.data(), k, group, q.data(), scales.data(), sums.data());
  for (size_t g = 0; g < groups; ++g) {
    int32_t sum = 0;
    for (size_t i = g * group; i < std::min((g + 1) * group, q.size()); ++i) {
      ASSERT_EQ(q[i], i < k ? expected.q[i] : 0) << set.isa << " k " << k << " at " << i;
      sum += q[i];
    }
    ASSERT_EQ(sums[g], sum) << set.isa;
    if (g >= expected.scales.size()) {
      ASSERT_EQ(scales[g], 0.0f) << set.isa << ": a group of padding alone";
    } else if (std::isnan(expected.scales[g])) {
      ASSERT_TRUE(std::isnan(scales[g])) << set.isa;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(scales[g]), std::bit_cast<uint32_t>(expected.scales[g]))
          << set.isa << " k " << k << " group " << g;
    }
  }
}

TEST(QuantizeRow, IsThePlainLoopOnEverySetForEverySize) {
  for (const KernelTable* set : tested_sets()) {
    for (const size_t k : {1, 15, 16, 17, 63, 64, 65, 128, 130, 200, 1000}) {
      for (const size_t group : {32, 64, 128}) expect_row(*set, random_floats(k, k), group);
    }
  }
}

TEST(QuantizeRow, OfTiesExtremesAndWhatIsNotFinite) {
  const float tiny = 0x1p-97f, denormal = std::numeric_limits<float>::denorm_min();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const KernelTable* set : tested_sets()) {
    expect_row(*set, {127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -126.5f}, 32);
    expect_row(*set, {std::numeric_limits<float>::max(), 1e38f, -3e38f, 0.0f}, 32);
    expect_row(*set, {tiny, -tiny / 2, denormal}, 32);
    expect_row(*set, {0x1p-96f, tiny, -0x1p-96f}, 32);
    expect_row(*set, {0.0f, -0.0f}, 32);
    expect_row(*set, {1.0f, HUGE_VALF}, 32);
    expect_row(*set, {nan, 1.0f}, 32);
    std::vector<float> x(70, 1.0f);
    x[69] = -nan;  // of two groups, one is spoiled
    expect_row(*set, x, 64);
  }
}

PanelFormat format(Element element, size_t k, size_t group = 128) { return {element, k, group}; }

TEST(QuantizeWeights, EverySetMakesTheSamePanels) {
  for (const Element element : {Element::kInt8, Element::kInt4}) {
    for (const size_t k : {1, 31, 64, 129, 300}) {
      const std::vector<float> values = random_floats(kLanes * k, k);
      std::vector<SourceRow> rows(kLanes);
      for (size_t lane = 0; lane < kLanes; ++lane) {
        rows[lane].data = reinterpret_cast<const std::byte*>(&values[lane * k]);
      }
      std::vector<std::vector<std::byte>> panels;
      for (const KernelTable* set : tested_sets()) {
        panels.emplace_back(format(element, k).bytes());
        EXPECT_TRUE(pack_panel(*set, std::span<const SourceRow, kLanes>(rows), format(element, k),
                               panels.back().data()));
        EXPECT_EQ(panels.back(), panels.front()) << set->isa << " k " << k;
      }
    }
  }
}

// Of weights between -1 and 1: 8 bits err by half a step of 1 / 127, 4 bits by half one of 2 / 15
// but for what is clipped at the ends, at most a fifth of the range; and the scale rounds to f16.
// In the mean of squares clipping must not lose: a step's error is uniform.
TEST(QuantizeWeights, ErrByHalfAStep) {
  const Packed int8(40, format(Element::kInt8, 300), 5);
  const Packed int4(40, format(Element::kInt4, 300), 5);
  double squares4 = 0;
  for (size_t c = 0; c < 40; ++c) {
    const QuantizedOutput q8 = test::read_output(int8.format, int8.panels.data(), c);
    const QuantizedOutput q4 = test::read_output(int4.format, int4.panels.data(), c);
    for (size_t i = 0; i < 300; ++i) {
      const float exact = int8.values[c * 300 + i];
      ASSERT_NEAR(q8.scales[i / 128] * q8.q[i], exact, 0.5 / 127 + 0x1p-10);
      const float value4 = q4.scales[i / 128] * static_cast<float>(q4.q[i] - q4.zeros[i / 128]);
      ASSERT_NEAR(value4, exact, 1.0 / 15 + 0.2 * 2);
      squares4 += (value4 - exact) * (value4 - exact);
    }
  }
  EXPECT_LT(std::sqrt(squares4 / (40 * 300)), 2.0 / 15 / std::sqrt(12.0));
}

TEST(QuantizeWeights, ConstantsAndZerosComeBack) {
  for (const Element element : {Element::kInt8, Element::kInt4}) {
    for (const float value : {0.0f, 0.75f, -3.0f, 1e-7f}) {
      const Packed w(3, format(element, 40), std::vector<float>(3 * 40, value));
      const QuantizedOutput q = test::read_output(w.format, w.panels.data(), 2);
      for (size_t i = 0; i < 40; ++i) {
        // f16 keeps a scale of 1e-7 / 127 as zero, which makes its weights zero.
        const float back = q.scales[0] * static_cast<float>(q.q[i] - q.zeros[0]);
        EXPECT_NEAR(back, value, std::max(1.1e-7, 0x1p-10 * std::fabs(value)));
      }
    }
  }
}

TEST(QuantizeWeights, ThatAreNotFiniteMakeScalesThatAreNot) {
  for (const Element element : {Element::kInt8, Element::kInt4}) {
    for (const float bad : {HUGE_VALF, -HUGE_VALF, std::nanf("")}) {
      std::vector<float> values = random_floats(2 * 40, 1);
      values[41] = bad;
      const Packed w(2, format(element, 40), values);
      EXPECT_TRUE(std::isfinite(test::read_output(w.format, w.panels.data(), 0).scales[0]));
      EXPECT_FALSE(std::isfinite(test::read_output(w.format, w.panels.data(), 1).scales[0])) << bad;
    }
  }
}

}  // namespace
}  // namespace gptj
