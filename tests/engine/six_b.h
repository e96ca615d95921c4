// SPDX-License-Identifier: Apache-2.0
// Two random layers of the 6B's shape, packed once, and forward passes over them by any kernels,
// number of threads and cut of the rows.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "engine/forward.h"
#include "kernels/dispatch.h"
#include "weights/weight_type.h"

namespace gptj::test {

inline const ModelConfig& six_b_config() {
  static const ModelConfig config = {.vocab_size = 50400,
                                     .n_positions = 2048,
                                     .n_embd = 4096,
                                     .n_layer = 2,
                                     .n_head = 16,
                                     .rotary_dim = 64,
                                     .n_inner = 16384};
  return config;
}

// The weights and what never changes.
struct SixB {
  explicit SixB(WeightType t) : type(t), pool(0), rotary(six_b_config()), weights(load(t, pool)) {}

  static Weights load(WeightType type, ThreadPool& pool) {
    const DType stored = type == WeightType::kF32    ? DType::kF32
                         : type == WeightType::kBF16 ? DType::kBF16
                                                     : DType::kF16;
    const auto source = synthetic_source(six_b_config(), stored, 7, pool);
    return load_weights(*source, packing_of(type, {}), select_kernels(""), pool, {});
  }
  Element kv_cache() const { return default_kv_cache(type); }

  WeightType type;
  ThreadPool pool;
  RotaryTable rotary;
  Weights weights;
};

// A prompt of n tokens spread over the vocabulary, its last four wanting logits.
inline std::vector<Row> six_b_rows(size_t n, SequenceId sequence) {
  std::vector<Row> rows;
  for (size_t i = 0; i < n; ++i) {
    rows.push_back(
        {static_cast<TokenId>(i * 7919 % 50400), sequence, static_cast<int64_t>(i), i + 4 >= n});
  }
  return rows;
}

// Logits of those rows, `chunk` rows at a time (0: all at once).
inline std::vector<float> six_b_logits(const SixB& model, const KernelTable& kernels,
                                       size_t threads, size_t n, size_t chunk) {
  ThreadPool pool(threads);
  Engine engine(kernels, pool, 256);
  KvCache cache(six_b_config(), model.kv_cache());
  Scratch scratch(six_b_config());
  const std::vector<Row> rows = six_b_rows(n, cache.add());
  std::vector<float> all;
  const LogitsSink sink = [&](size_t, std::span<const float> logits) {
    all.insert(all.end(), logits.begin(), logits.end());
  };
  if (chunk == 0) chunk = n;
  for (size_t begin = 0; begin < n; begin += chunk) {
    const auto some = std::span(rows).subspan(begin, std::min(chunk, n - begin));
    const std::vector<RowSpan> spans = find_row_spans(some, six_b_config(), cache);
    cache.extend(rows[0].sequence, static_cast<int64_t>(some.size()));
    forward(engine, six_b_config(), model.weights, model.rotary, {some, spans, cache}, scratch,
            {sink, {}});
  }
  return all;
}

// Products of bf16 round as each instruction set does; all else is the same bits on every one.
inline bool same_arithmetic(WeightType type, const KernelTable& a, const KernelTable& b) {
  if (type != WeightType::kBF16) return true;
  const ProductKernel &of_a = a.product[Element::kBF16], &of_b = b.product[Element::kBF16];
  return of_a.compute == of_b.compute ||
         (of_a.operand != Operand::kBF16 && of_b.operand != Operand::kBF16);
}

// For tests over weight types.
inline std::string type_name(const testing::TestParamInfo<WeightType>& instance) {
  return weight_type_name(instance.param);
}

inline void expect_same_bits(const std::vector<float>& found, const std::vector<float>& expected,
                             const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(found[i]), std::bit_cast<uint32_t>(expected[i]))
        << what << ": logit " << i;
  }
}

}  // namespace gptj::test
