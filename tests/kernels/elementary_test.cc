// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/half.h"
#include "kernels/sets.h"
#include "support/random_floats.h"

namespace gptj {
namespace {

using test::random_floats;
using test::tested_sets;

using Row = std::vector<float>;

std::vector<uint32_t> bits(const Row& values) {
  std::vector<uint32_t> result;
  for (const float v : values) result.push_back(std::bit_cast<uint32_t>(v));
  return result;
}

double ulps(float found, double expected) {
  const float nearest = std::fabs(static_cast<float>(expected));
  const double ulp = std::nextafter(nearest, HUGE_VALF) - nearest;
  return std::fabs(found - expected) / ulp;
}

Row sweep(float from, float to, size_t n) {
  Row x(n);
  for (size_t i = 0; i < n; ++i) {
    x[i] = from + (to - from) * static_cast<float>(i) / static_cast<float>(n - 1);
  }
  return x;
}

// Applies one set's function to a copy.
template <class Function>
Row mapped(Row x, Function f) {
  f(x.data(), x.size());
  return x;
}

TEST(Elementary, ExpIsWithinTwoUlp) {
  for (const KernelTable* set : tested_sets()) {
    const Row x = sweep(-87.0f, 0.0f, 1000003);
    const Row y = mapped(x, set->exp);
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, ulps(y[i], std::exp(double{x[i]})));
    EXPECT_LE(worst, 2.0) << set->isa;
  }
}

TEST(Elementary, ExpAtItsEdges) {
  for (const KernelTable* set : tested_sets()) {
    const float below = std::nextafter(-87.0f, -100.0f);
    const Row y = mapped({0.0f, -0.0f, below, -1000.0f, -HUGE_VALF, std::nanf("")}, set->exp);
    EXPECT_EQ(y[0], 1.0f);
    EXPECT_EQ(y[1], 1.0f);
    EXPECT_EQ(y[2], 0.0f);
    EXPECT_EQ(y[3], 0.0f);
    EXPECT_EQ(y[4], 0.0f);
    EXPECT_TRUE(std::isnan(y[5]));
  }
}

TEST(Elementary, TanhIsWithinTwoUlp) {
  for (const KernelTable* set : tested_sets()) {
    for (const Row& x : {sweep(-12.0f, 12.0f, 1000003), sweep(-0.7f, 0.7f, 1000003),
                         sweep(0.0f, 1e-30f, 1001), Row{-HUGE_VALF, HUGE_VALF, -50.0f, 50.0f}}) {
      const Row y = mapped(x, set->tanh);
      double worst = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        worst = std::max(worst, ulps(y[i], std::tanh(double{x[i]})));
      }
      EXPECT_LE(worst, 2.0) << set->isa;
    }
  }
}

TEST(Elementary, GeluIsTheTanhForm) {
  for (const KernelTable* set : tested_sets()) {
    const Row x = sweep(-10.0f, 10.0f, 100003);
    const Row y = mapped(x, set->gelu);
    for (size_t i = 0; i < x.size(); ++i) {
      const double v = x[i];
      const double inner = std::sqrt(2.0 / M_PI) * (v + 0.044715 * v * v * v);
      // 1 + tanh cancels below zero: the bound is that of the sum, half an ulp of 1 and 2 of tanh.
      const double bound = std::fabs(0.5 * v) * 4 * 0x1p-23 + std::fabs(v) * 0x1p-22;
      ASSERT_NEAR(y[i], 0.5 * v * (1.0 + std::tanh(inner)), bound) << set->isa << " at " << v;
    }
  }
}

// One function of the table on awkward values and every short length: all sets, the same bits.
template <class Call>
void expect_same_bits(Call call) {
  const std::vector<const KernelTable*> sets = tested_sets();
  for (size_t n = 1; n <= 70; ++n) {
    Row x = random_floats(n, 100 + n, 20.0f);
    x[0] = n % 3 == 0 ? 0.0f : x[0];
    x[n / 2] = n % 2 == 0 ? 1e-40f : x[n / 2];
    const auto expected = call(*sets[0], x);
    for (const KernelTable* set : sets) EXPECT_EQ(call(*set, x), expected) << set->isa << " " << n;
  }
}

TEST(Rows, LayerNormGivesTheSameBitsOnEverySet) {
  expect_same_bits([](const KernelTable& set, const Row& x) {
    const Row weight = random_floats(x.size(), 1), bias = random_floats(x.size(), 2);
    Row out(x.size());
    set.layer_norm(x.data(), weight.data(), bias.data(), 1e-5f, x.size(), out.data());
    return bits(out);
  });
}

TEST(Rows, LayerNormIsRight) {
  for (const size_t n : {1, 2, 15, 16, 17, 48, 257, 4096}) {
    const Row x = random_floats(n, 5, 3.0f), weight = random_floats(n, 6),
              bias = random_floats(n, 7);
    double mean = 0, variance = 0;
    for (const float v : x) mean += v / static_cast<double>(n);
    for (const float v : x) variance += (v - mean) * (v - mean) / static_cast<double>(n);
    for (const KernelTable* set : tested_sets()) {
      Row out(n);
      set->layer_norm(x.data(), weight.data(), bias.data(), 1e-5f, n, out.data());
      for (size_t i = 0; i < n; ++i) {
        const double expected = (x[i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i];
        // Mean and variance carry n/16 + 4 roundings each, of values up to 3.
        const double bound =
            static_cast<double>(n / 16 + 12) * 0x1p-23 * (1 + 3 / std::sqrt(variance + 1e-5));
        ASSERT_NEAR(out[i], expected, bound) << set->isa << " n " << n;
      }
    }
  }
}

TEST(Rows, TheRestGivesTheSameBitsOnEverySet) {
  expect_same_bits([](const KernelTable& set, const Row& x) { return bits(mapped(x, set.gelu)); });
  expect_same_bits([](const KernelTable& set, const Row& x) { return bits(mapped(x, set.tanh)); });
  expect_same_bits([](const KernelTable& set, Row x) {
    for (float& v : x) v = -4 * std::fabs(v);
    return bits(mapped(x, set.exp));
  });
  expect_same_bits([](const KernelTable& set, Row x) {
    const Row a = random_floats(x.size(), 1), b = random_floats(x.size(), 2);
    set.add_branches(x.data(), a.data(), b.data(), x.size());
    return bits(x);
  });
  expect_same_bits([](const KernelTable& set, const Row& x) {
    float maximum = 0, sum = 0;
    set.max_and_exp_sum(x.data(), x.size(), &maximum, &sum);
    return bits({maximum, sum});
  });
}

TEST(Rows, MaximumAndExpSumAreRight) {
  for (const KernelTable* set : tested_sets()) {
    const Row x = random_floats(1000, 3, 5.0f);
    float maximum = 0, sum = 0;
    set->max_and_exp_sum(x.data(), x.size(), &maximum, &sum);
    double expected = 0;
    for (const float v : x) expected += std::exp(double{v} - maximum);
    EXPECT_EQ(maximum, *std::max_element(x.begin(), x.end()));
    EXPECT_NEAR(sum, expected, expected * (1000 / 16 + 6) * 0x1p-23);
  }
}

TEST(Rows, NarrowingIsThatOfBaseHalf) {
  Row x = random_floats(1001, 9, 2.0f);
  for (size_t i = 0; i < x.size(); i += 3) x[i] = std::ldexp(x[i], static_cast<int>(i % 40) - 30);
  x[5] = HUGE_VALF;
  x[6] = -65505.0f;
  x[7] = 65504.0f;
  x[8] = 65519.0f;
  x[9] = std::numeric_limits<float>::denorm_min();
  for (const KernelTable* set : tested_sets()) {
    std::vector<uint16_t> f16(x.size()), bf16(x.size());
    EXPECT_EQ(set->to_f16(x.data(), x.size(), f16.data()), 3u) << set->isa;
    set->to_bf16(x.data(), x.size(), bf16.data());
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(f16[i], f32_to_f16(std::clamp(x[i], -65504.0f, 65504.0f)))
          << set->isa << " " << x[i];
      EXPECT_EQ(bf16[i], f32_to_bf16(x[i])) << set->isa << " " << x[i];
    }
  }
}

TEST(Rows, NarrowingKeepsNan) {
  for (const KernelTable* set : tested_sets()) {
    const Row x = {1.0f, std::nanf(""), 2.0f};
    std::vector<uint16_t> f16(3), bf16(3);
    EXPECT_EQ(set->to_f16(x.data(), 3, f16.data()), 0u);
    set->to_bf16(x.data(), 3, bf16.data());
    EXPECT_TRUE(std::isnan(f16_to_f32(f16[1]))) << set->isa;
    EXPECT_TRUE(std::isnan(bf16_to_f32(bf16[1]))) << set->isa;
  }
}

}  // namespace
}  // namespace gptj
