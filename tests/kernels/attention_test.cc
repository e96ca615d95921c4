// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/aligned_buffer.h"
#include "base/half.h"
#include "kernels/sets.h"
#include "support/quant.h"
#include "support/random_floats.h"

namespace gptj {
namespace {

using test::random_floats;
using test::supported_sets;
using test::tested_sets;

// What stands before the head's part of each page.
constexpr size_t kOffset = 192;

// Keys and values of one head for some positions, paged as the cache pages them.
struct Head {
  size_t dim, positions;
  Element element;
  std::vector<float> q, k, v;  // [positions][dim], k and v as the pages round them
  std::vector<AlignedBuffer<std::byte>> storage;
  std::vector<const void*> pages;

  Head(size_t dim_, size_t positions_, Element e, uint64_t seed = 1)
      : dim(dim_),
        positions(positions_),
        element(e),
        q(random_floats(positions * dim, seed, 2.0f)),
        k(random_floats(positions * dim, seed + 1, 2.0f)),
        v(random_floats(positions * dim, seed + 2, 2.0f)) {
    for (size_t begin = 0; begin < positions; begin += kPagePositions) {
      AlignedBuffer<std::byte> page(kOffset + kv_head_bytes(e, dim));
      // What nobody wrote is garbage, here NaN: it must never reach a result.
      std::fill(page.data(), page.data() + page.size(), std::byte{0xff});
      std::byte* part = page.data() + kOffset;
      for (size_t j = 0; j < kPagePositions && begin + j < positions; ++j) {
        put(part, false, j, &k[(begin + j) * dim]);
        put(part, true, j, &v[(begin + j) * dim]);
      }
      pages.push_back(page.data());
      storage.push_back(std::move(page));
    }
  }

  // Stores a key or value rounded, as the page's j-th, and rounds it where it came from.
  void put(std::byte* part, bool value, size_t j, float* row) const {
    const auto index = [&](size_t d) {
      return value ? (dim * kPagePositions + j * padded(dim) + d) : (d * kPagePositions + j);
    };
    if (element == Element::kInt8) {
      const QuantizedRow quantized = quantize_activations({row, dim}, padded_inputs(dim));
      const size_t scale = (value ? kPagePositions : 0) + j;
      reinterpret_cast<float*>(part + kv_scales_offset(element, dim))[scale] = quantized.scales[0];
      for (size_t d = 0; d < dim; ++d) {
        part[index(d)] = static_cast<std::byte>(quantized.q[d]);
        row[d] = quantized.scales[0] * static_cast<float>(quantized.q[d]);
      }
      return;
    }
    for (size_t d = 0; d < dim; ++d) put_float(part, index(d), row[d]);
  }
  void put_float(std::byte* part, size_t index, float& value) const {
    if (element == Element::kF32) {
      reinterpret_cast<float*>(part)[index] = value;
      return;
    }
    const bool f16 = element == Element::kF16;
    const uint16_t narrow = f16 ? f32_to_f16(value) : f32_to_bf16(value);
    reinterpret_cast<uint16_t*>(part)[index] = narrow;
    value = f16 ? f16_to_f32(narrow) : bf16_to_f32(narrow);
  }

  float scale() const { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim))); }

  // Rows first .. first + rows - 1, in as few calls as may be.
  std::vector<float> attend(const KernelTable& set, size_t first, size_t rows,
                            size_t prefix = 0) const {
    std::vector<float> out(rows * dim);
    AlignedBuffer<float> scratch(attention_scratch(dim));
    for (size_t done = 0; done < rows; done += kAttentionRows) {
      const size_t begin = first + done;
      const AttentionSpan span{std::min(kAttentionRows, rows - done), begin, pages.data(), prefix};
      set.attention[element]({&q[begin * dim], dim, &out[done * dim], dim, &span, 1, 0, kOffset,
                              dim, scale(), scratch.data()});
    }
    return out;
  }
};

class AttentionTest : public testing::TestWithParam<Element> {};

TEST_P(AttentionTest, GivesTheSameBitsOnEverySetHoweverRowsAreCut) {
  for (const size_t dim : {4, 8, 16, 20, 32, 64, 256}) {
    const Head head(dim, 150, GetParam());
    std::vector<float> expected;  // each row alone, by the portable set
    for (size_t r = 0; r < head.positions; ++r) {
      const std::vector<float> row = head.attend(select_kernels("portable"), r, 1);
      expected.insert(expected.end(), row.begin(), row.end());
    }
    for (const KernelTable* set : tested_sets()) {
      for (const size_t chunk : {1, 5, 12, 64, 150}) {
        for (size_t first = 0; first < head.positions; first += chunk) {
          const size_t rows = std::min<size_t>(chunk, head.positions - first);
          const std::vector<float> found = head.attend(*set, first, rows);
          for (size_t i = 0; i < found.size(); ++i) {
            ASSERT_EQ(std::bit_cast<uint32_t>(found[i]),
                      std::bit_cast<uint32_t>(expected[first * dim + i]))
                << set->isa << " dim " << dim << " chunk " << chunk << " row " << first + i / dim;
          }
        }
      }
    }
  }
}

// Of sequences that begin alike, the first pages are read once.
TEST_P(AttentionTest, GivesTheSameBitsWherePagesAreShared) {
  for (const size_t dim : {4, 20, 64}) {
    std::vector<Head> heads;
    for (const uint64_t seed : {10, 20, 30}) heads.emplace_back(dim, 300, GetParam(), seed);
    for (Head& head : heads) std::copy_n(heads[0].pages.begin(), 2, head.pages.begin());
    const AttentionSpan spans[] = {{1, 299, heads[0].pages.data()},
                                   {5, 188, heads[1].pages.data()},
                                   {1, 128, heads[2].pages.data()},
                                   {41, 250, heads[2].pages.data()}};
    const std::vector<float> q = random_floats(kAttentionRows * dim, 4, 2.0f);
    AlignedBuffer<float> scratch(attention_scratch(dim));
    for (const KernelTable* set : tested_sets()) {
      const auto attend = [&](std::span<const AttentionSpan> some, size_t row, size_t common,
                              std::vector<float>& out) {
        set->attention[GetParam()]({&q[row * dim], dim, &out[row * dim], dim, some.data(),
                                    some.size(), common, kOffset, dim, heads[0].scale(),
                                    scratch.data()});
      };
      std::vector<float> expected(q.size()), found(q.size());
      size_t row = 0;
      for (const AttentionSpan& span : spans) {
        attend({&span, 1}, row, 0, expected);
        row += span.rows;
      }
      for (const size_t common : {0, 1, 2}) {
        attend(spans, 0, common, found);
        EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
            << set->isa << " dim " << dim;
      }
    }
  }
}

// Against double; of a bidirectional prompt all rows see `prefix` keys.
void expect_softmax(const Head& head, size_t prefix) {
  for (const KernelTable* set : tested_sets()) {
    const std::vector<float> found = head.attend(*set, 0, head.positions, prefix);
    for (size_t r = 0; r < head.positions; ++r) {
      const size_t keys = prefix > 0 ? prefix : r + 1;
      std::vector<double> s(keys);
      double largest = -1e300, sum = 0;
      for (size_t j = 0; j < keys; ++j) {
        for (size_t d = 0; d < head.dim; ++d) {
          s[j] += double{head.q[r * head.dim + d]} * head.k[j * head.dim + d];
        }
        s[j] *= head.scale();
        largest = std::max(largest, s[j]);
      }
      for (double& value : s) sum += value = std::exp(value - largest);
      for (size_t d = 0; d < head.dim; ++d) {
        double expected = 0;
        for (size_t j = 0; j < keys; ++j) expected += s[j] / sum * head.v[j * head.dim + d];
        // Dots of |q k| up to 4 over 24 dimensions err by 24 * 96 * 2^-24 before scaling; the sums
        // over all keys of values up to 2 by keys * 2 * 2^-24 each.
        const double bound =
            2 * (24 * 96 * head.scale() + 4 * static_cast<double>(keys + 7)) * 0x1p-24;
        ASSERT_NEAR(found[r * head.dim + d], expected, bound) << set->isa << " row " << r;
      }
    }
  }
}

TEST_P(AttentionTest, IsSoftmaxOfScaledDots) { expect_softmax(Head(24, 200, GetParam()), 0); }

TEST_P(AttentionTest, ABidirectionalPromptSeesAllOfItself) {
  for (const size_t prompt : {1, 2, 63, 64, 65, 200}) {
    expect_softmax(Head(24, prompt, GetParam()), prompt);
  }
}

TEST_P(AttentionTest, GivesTheSameBitsForABidirectionalPromptHoweverItsRowsAreCut) {
  for (const size_t dim : {4, 20, 64}) {
    const Head head(dim, 150, GetParam());
    std::vector<float> expected;
    for (size_t r = 0; r < head.positions; ++r) {
      const std::vector<float> row = head.attend(select_kernels("portable"), r, 1, head.positions);
      expected.insert(expected.end(), row.begin(), row.end());
    }
    for (const KernelTable* set : tested_sets()) {
      const std::vector<float> found = head.attend(*set, 0, head.positions, head.positions);
      EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
          << set->isa << " dim " << dim;
    }
  }
}

// The order that kernels.h fixes, on one page, spelled out.
TEST(AttentionOfInt8, AppliesScalesToFinishedDotsAndToProbabilities) {
  constexpr size_t kDim = 20, kKeys = 37;
  const Head head(kDim, kKeys, Element::kInt8);
  const std::byte* part = head.storage[0].data() + kOffset;
  const auto* numbers = reinterpret_cast<const int8_t*>(part);
  const auto* scales = reinterpret_cast<const float*>(part + kv_scales_offset(head.element, kDim));
  const float* q = &head.q[(kKeys - 1) * kDim];
  float s[kKeys], largest = -HUGE_VALF;
  for (size_t j = 0; j < kKeys; ++j) {
    float chain = 0;
    for (size_t d = 0; d < kDim; ++d) {
      chain = std::fma(q[d], static_cast<float>(numbers[d * kPagePositions + j]), chain);
    }
    s[j] = head.scale() * (scales[j] * chain);
    largest = std::max(largest, s[j]);
  }
  float partial[kLanes] = {}, o[kDim] = {};
  for (size_t j = 0; j < kKeys; ++j) {
    float p = s[j] - largest;
    select_kernels("portable").exp(&p, 1);
    partial[j % kLanes] += p;
    const float factor = p * scales[kPagePositions + j];
    const int8_t* v = numbers + kDim * kPagePositions + j * padded(kDim);
    for (size_t d = 0; d < kDim; ++d) o[d] = std::fma(factor, static_cast<float>(v[d]), o[d]);
  }
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) partial[i] += partial[i + half];
  }
  const std::vector<float> found = head.attend(select_kernels("portable"), kKeys - 1, 1);
  for (size_t d = 0; d < kDim; ++d) EXPECT_EQ(found[d], o[d] / partial[0]) << d;
}

INSTANTIATE_TEST_SUITE_P(Elements, AttentionTest,
                         testing::Values(Element::kF32, Element::kF16, Element::kBF16,
                                         Element::kInt8),
                         [](const auto& instance) { return weight_type_name(instance.param); });

TEST(Dispatch, ForcesEachSetAndRefusesOthers) {
  for (const std::string& name : instruction_set_names()) EXPECT_EQ(select_kernels(name).isa, name);
  EXPECT_EQ(&select_kernels(""), supported_sets().back());
  EXPECT_THROW(select_kernels("sse9"), Error);
}

}  // namespace
}  // namespace gptj
