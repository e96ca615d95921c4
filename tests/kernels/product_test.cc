// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>
#include <tuple>

#include "base/aligned_buffer.h"
#include "base/half.h"
#include "kernels/pack.h"
#include "kernels/sets.h"
#include "support/random_floats.h"

namespace gptj {
namespace {

using test::random_floats;
using test::supported_sets;

// A matrix packed as `element`, and the same weights as the f32 values they stand for.
struct Packed {
  size_t n, k;
  Element element;
  AlignedBuffer<std::byte> panels;
  std::vector<float> values;

  Packed(size_t n_, size_t k_, Element e, uint64_t seed)
      : n(n_),
        k(k_),
        element(e),
        panels(padded(n) / kLanes * panel_elements(e, k) * element_size(e)),
        values(random_floats(n * k, seed)) {
    const size_t panel_bytes = panel_elements(e, k) * element_size(e);
    for (size_t p = 0; p < padded(n) / kLanes; ++p) {
      std::vector<SourceRow> rows(kLanes);
      for (size_t lane = 0; lane < kLanes && p * kLanes + lane < n; ++lane) {
        rows[lane].data = reinterpret_cast<const std::byte*>(&values[(p * kLanes + lane) * k]);
      }
      EXPECT_TRUE(pack_panel(std::span<const SourceRow, kLanes>(rows), k, e,
                             panels.data() + p * panel_bytes));
    }
    for (float& v : values) {
      if (e == Element::kF16) v = f16_to_f32(f32_to_f16(v));
      if (e == Element::kBF16) v = bf16_to_f32(f32_to_bf16(v));
    }
  }
};

// The rule itself: one fma chain over ascending k, the bias last.
float chain(const float* x, const float* w, size_t k, float bias) {
  float acc = 0.0f;
  for (size_t i = 0; i < k; ++i) acc = std::fma(x[i], w[i], acc);
  return bias == 0.0f ? acc : acc + bias;
}

void expect_products(const KernelTable& set, const Packed& w, size_t rows, bool with_bias) {
  const size_t x_stride = w.k + 3, out_stride = padded(w.n) + 5;
  const std::vector<float> x = random_floats(rows * x_stride, 11);
  AlignedBuffer<float> bias(padded(w.n));
  std::fill(bias.data(), bias.data() + bias.size(), 0.25f);
  AlignedBuffer<float> scratch(kProductScratch);
  std::vector<float> out(rows * out_stride, -77.0f);
  const size_t panels = padded(w.n) / kLanes, middle = panels / 2;
  // In two calls, as two threads would.
  for (const auto& [begin, end] : {std::pair{size_t{0}, middle}, std::pair{middle, panels}}) {
    set.product[static_cast<size_t>(w.element)]({x.data(), x_stride, rows, w.k, w.panels.data(),
                                                 begin, end, with_bias ? bias.data() : nullptr,
                                                 out.data(), out_stride, scratch.data()});
  }
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < w.n; ++c) {
      const float expected =
          chain(&x[r * x_stride], &w.values[c * w.k], w.k, with_bias ? 0.25f : 0.0f);
      ASSERT_EQ(std::bit_cast<uint32_t>(out[r * out_stride + c]), std::bit_cast<uint32_t>(expected))
          << set.isa << " rows " << rows << " n " << w.n << " k " << w.k << " at " << r << "," << c;
    }
    for (size_t c = padded(w.n); c < out_stride; ++c) {
      ASSERT_EQ(out[r * out_stride + c], -77.0f) << set.isa << " wrote past its panels";
    }
  }
}

class ProductTest : public testing::TestWithParam<Element> {};

TEST_P(ProductTest, IsTheFmaChainOnEverySetForEverySize) {
  for (const auto& [n, k] : {std::pair<size_t, size_t>{1, 1},
                             {16, 16},
                             {17, 3},
                             {31, 64},
                             {48, 130},
                             {100, 513},
                             {131, 48},
                             {70, 1025}}) {
    const Packed w(n, k, GetParam(), 3);
    for (const KernelTable* set : supported_sets()) {
      for (const size_t rows : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 15, 16, 17, 25, 70}) {
        if (set == &kPortableKernels && rows * n * k > 1000000)
          continue;  // slow without an fma unit
        expect_products(*set, w, rows, rows % 2 == 0);
      }
    }
  }
}

TEST_P(ProductTest, OfInfinityAndNanAreWhatTheChainGives) {
  const Packed w(20, 5, GetParam(), 3);
  for (const KernelTable* set : supported_sets()) {
    std::vector<float> x = {1.0f, HUGE_VALF, 0.0f, -1.0f, 2.0f};
    AlignedBuffer<float> scratch(kProductScratch);
    std::vector<float> out(32);
    set->product[static_cast<size_t>(GetParam())](
        {x.data(), 5, 1, 5, w.panels.data(), 0, 2, nullptr, out.data(), 32, scratch.data()});
    for (size_t c = 0; c < 20; ++c) {
      EXPECT_EQ(out[c], chain(x.data(), &w.values[c * 5], 5, 0.0f)) << set->isa;
    }
    // An odd k leaves padding in the last pair: it must be skipped, not multiplied.
    x.back() = HUGE_VALF;
    x[1] = 1.0f;
    set->product[static_cast<size_t>(GetParam())](
        {x.data(), 5, 1, 5, w.panels.data(), 0, 2, nullptr, out.data(), 32, scratch.data()});
    for (size_t c = 0; c < 20; ++c) EXPECT_TRUE(std::isinf(out[c])) << set->isa;
  }
}

INSTANTIATE_TEST_SUITE_P(Elements, ProductTest,
                         testing::Values(Element::kF32, Element::kF16, Element::kBF16),
                         test::element_name);

TEST(Pack, SaysWhenAWeightOverflows) {
  const std::vector<float> row = {1.0f, 70000.0f};
  std::vector<SourceRow> rows(kLanes);
  rows[3].data = reinterpret_cast<const std::byte*>(row.data());
  std::vector<std::byte> panel(panel_elements(Element::kF32, 2) * 4);
  const std::span<const SourceRow, kLanes> lanes(rows);
  EXPECT_FALSE(pack_panel(lanes, 2, Element::kF16, panel.data()));
  EXPECT_TRUE(pack_panel(lanes, 2, Element::kBF16, panel.data()));
  EXPECT_TRUE(pack_panel(lanes, 2, Element::kF32, panel.data()));
}

}  // namespace
}  // namespace gptj
