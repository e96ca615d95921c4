// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <tuple>

#include "kernels/packed.h"

namespace gptj {
namespace {

using test::Packed;
using test::random_floats;
using test::tested_sets;

constexpr std::pair<size_t, size_t> kShapes[] = {{1, 1},     {16, 16},   {17, 3},   {31, 64},
                                                 {48, 130},  {100, 513}, {131, 48}, {70, 1025},
                                                 {40, 2100}, {560, 1030}};

// The rule itself: one fma chain over ascending k, the bias last.
float chain(const float* x, const float* w, size_t k) {
  float acc = 0.0f;
  for (size_t i = 0; i < k; ++i) acc = std::fma(x[i], w[i], acc);
  return acc;
}

std::vector<float> expected_products(const Packed& w, const std::vector<float>& x, size_t x_stride,
                                     size_t rows) {
  const auto& [element, k, group] = w.format;
  std::vector<float> out(rows * w.n);
  for (size_t c = 0; c < w.n; ++c) {
    const QuantizedOutput output =
        is_quantized(element) ? test::read_output(w.format, w.panels.data(), c) : QuantizedOutput{};
    for (size_t r = 0; r < rows; ++r) {
      const float* row = &x[r * x_stride];
      out[r * w.n + c] = is_quantized(element)
                             ? quantized_dot(quantize_activations({row, k}, group), output, group)
                             : chain(row, &w.values[c * k], k);
    }
  }
  return out;
}

void expect_products(const KernelTable& set, const Packed& w, const std::vector<float>& x,
                     size_t x_stride, size_t rows, const RowReading& reading,
                     const std::vector<float>& expected) {
  const size_t out_stride = padded(w.n) + 5;
  AlignedBuffer<float> bias(padded(w.n));
  std::fill(bias.data(), bias.data() + bias.size(), 0.25f);
  const bool with_bias = rows % 2 == 0;
  const std::vector<float> out = test::product(
      set, w, x, x_stride, rows, with_bias ? bias.data() : nullptr, out_stride, reading);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < w.n; ++c) {
      const float sum = expected[r * w.n + c];
      ASSERT_EQ(std::bit_cast<uint32_t>(out[r * out_stride + c]),
                std::bit_cast<uint32_t>(with_bias ? sum + 0.25f : sum))
          << set.isa << " rows " << rows << " streams " << reading.streams << " n " << w.n << " k "
          << w.format.k << " at " << r << "," << c;
    }
    for (size_t c = padded(w.n); c < out_stride; ++c) {
      ASSERT_EQ(out[r * out_stride + c], -77.0f) << set.isa << " wrote past its panels";
    }
  }
}

// The same bits by definition; bf16 where rows are bf16 too is its set's own arithmetic.
bool follows_the_rule(const KernelTable& set, Element element) {
  return set.product[element].operand != Operand::kBF16;
}

class ProductTest : public testing::TestWithParam<std::pair<Element, size_t>> {
 protected:
  Element element() const { return GetParam().first; }
  PanelFormat format(size_t k) const { return {element(), k, GetParam().second}; }
};

TEST_P(ProductTest, IsWhatTheRuleSaysOnEverySetForEverySize) {
  constexpr size_t kMaxRows = 70;
  for (const auto& [n, k] : kShapes) {
    const Packed w(n, format(k), 3);
    const std::vector<float> x = random_floats(kMaxRows * (k + 3), 11);
    const std::vector<float> expected = expected_products(w, x, k + 3, kMaxRows);
    for (const KernelTable* set : tested_sets()) {
      if (!follows_the_rule(*set, element())) continue;
      for (const size_t rows : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 15, 16, 17, 25, 70}) {
        // The portable set is slow without an fma unit.
        if (std::string(set->isa) == "portable" && rows * n * k > 1000000) continue;
        for (const size_t streams : {1, 2, 3, 4}) {  // a matter of single rows alone
          if (rows == 1 || streams == 4) {
            expect_products(*set, w, x, k + 3, rows, {streams, 512 * streams}, expected);
          }
        }
      }
    }
  }
}

TEST_P(ProductTest, OfInfinityAndNanAreNotFinite) {
  const Packed w(20, format(5), 3);
  for (const KernelTable* set : tested_sets()) {
    for (const float bad : {HUGE_VALF, -HUGE_VALF, std::nanf("")}) {
      for (const size_t rows : {1, 20}) {
        std::vector<float> x = random_floats(rows * 5, 4);
        // An odd k leaves padding in a last pair: it must be skipped, not multiplied.
        x[(rows - 1) * 5 + 4] = bad;
        const std::vector<float> out = test::product(*set, w, x, 5, rows, nullptr, 32);
        for (size_t c = 0; c < 20; ++c) {
          EXPECT_FALSE(std::isfinite(out[(rows - 1) * 32 + c])) << set->isa << " " << bad;
          if (rows > 1) {
            EXPECT_TRUE(std::isfinite(out[c])) << set->isa << " " << bad;
          }
        }
      }
    }
  }
}

std::string format_name(const testing::TestParamInfo<std::pair<Element, size_t>>& instance) {
  const auto& [element, group] = instance.param;
  return weight_type_name(element) + (group == 0 ? "" : "_" + std::to_string(group));
}

INSTANTIATE_TEST_SUITE_P(
    Elements, ProductTest,
    testing::Values(std::pair{Element::kF32, 0}, std::pair{Element::kF16, 0},
                    std::pair{Element::kBF16, 0}, std::pair{Element::kInt8, 128},
                    std::pair{Element::kInt8, 32}, std::pair{Element::kInt4, 128},
                    std::pair{Element::kInt4, 64}, std::pair{Element::kInt4, 32}),
    format_name);

// A set's own bf16 arithmetic: a row alone and a row among others are the same bits, near double.
TEST(Bf16Rows, AreIndependentAndNearTheExactProduct) {
  for (const KernelTable* set : tested_sets()) {
    if (follows_the_rule(*set, Element::kBF16)) continue;
    for (const auto& [n, k] : kShapes) {
      const Packed w(n, {Element::kBF16, k, 0}, 3);
      const std::vector<float> x = random_floats(33 * (k + 3), 11);
      for (const size_t rows : {2, 7, 12, 13, 33}) {
        const std::vector<float> all = test::product(*set, w, x, k + 3, rows, nullptr, padded(n));
        for (size_t r = 0; r < rows; ++r) {
          const std::vector<float> row(x.begin() + static_cast<long>(r * (k + 3)), x.end());
          const std::vector<float> alone =
              test::product(*set, w, row, k + 3, 1, nullptr, padded(n));
          for (size_t c = 0; c < n; ++c) {
            ASSERT_EQ(std::bit_cast<uint32_t>(all[r * padded(n) + c]),
                      std::bit_cast<uint32_t>(alone[c]))
                << set->isa << " rows " << rows << " n " << n << " k " << k;
            double exact = 0, magnitude = 0;
            for (size_t i = 0; i < k; ++i) {
              const double term =
                  double{bf16_to_f32(f32_to_bf16(row[i]))} * double{w.values[c * k + i]};
              exact += term;
              magnitude += std::fabs(term);
            }
            // k products of 16 bits are exact in f32; each addition errs by half an ulp.
            ASSERT_NEAR(alone[c], exact, 0x1p-24 * static_cast<double>(k + 1) * magnitude);
          }
        }
      }
    }
  }
}

TEST(Pack, SaysWhenAWeightOverflows) {
  const std::vector<float> row = {1.0f, 70000.0f, 9e6f};
  std::vector<SourceRow> rows(kLanes);
  rows[3].data = reinterpret_cast<const std::byte*>(row.data());
  std::vector<std::byte> panel(4096);
  const std::span<const SourceRow, kLanes> lanes(rows);
  const auto fits = [&](size_t k, Element element) {
    return pack_panel(select_kernels(""), lanes, {element, k, 32}, panel.data());
  };
  EXPECT_FALSE(fits(2, Element::kF16));
  EXPECT_TRUE(fits(2, Element::kBF16));
  EXPECT_TRUE(fits(2, Element::kF32));
  EXPECT_TRUE(fits(2, Element::kInt8));  // a scale of 551
  EXPECT_FALSE(fits(3, Element::kInt8));
  EXPECT_FALSE(fits(3, Element::kInt4));
}

}  // namespace
}  // namespace gptj
