// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "gptj/checkpoint.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

const ModelConfig k6B = {.vocab_size = 50400,
                         .n_positions = 2048,
                         .n_embd = 4096,
                         .n_layer = 28,
                         .n_head = 16,
                         .rotary_dim = 64,
                         .n_inner = 16384};

TEST(MemoryNeeds, The6B) {
  const MemoryNeeds f16 = memory_needs(k6B);
  EXPECT_EQ(f16.kv_cache_per_token, 458'752u);
  EXPECT_EQ(f16.kv_cache_per_page, 64u * 458'752u);
  EXPECT_EQ(f16.kv_cache_full_context, 896ull << 20);
  EXPECT_EQ(f16.embedding, 50400ull * 4096 * 2);
  // All parameters but the embedding's in two bytes, and the vectors' other two bytes.
  const uint64_t vectors = 28ull * (2 * 4096 + 16384 + 4096) + 2 * 4096 + 50400;
  EXPECT_EQ(f16.weights, (6'050'882'784ull - 50400ull * 4096) * 2 + vectors * 2);
  const MemoryNeeds f32 = memory_needs(k6B, {.weights = WeightType::kF32});
  EXPECT_EQ(f32.weights, (6'050'882'784ull - 50400ull * 4096) * 4);
  EXPECT_EQ(f32.embedding, f16.embedding);
  EXPECT_EQ(f32.kv_cache_per_token, 2 * f16.kv_cache_per_token);
  // 28 layers of 16 heads, each 256 numbers and a scale of 4 bytes, of keys and of values.
  const MemoryNeeds int8 = memory_needs(k6B, {.kv_cache = WeightType::kInt8});
  EXPECT_EQ(int8.kv_cache_per_token, 28u * 16 * 2 * (256 + 4));
  EXPECT_EQ(int8.kv_cache_per_page, 64u * int8.kv_cache_per_token);
  EXPECT_EQ(int8.kv_cache_full_context, 2048u * int8.kv_cache_per_token);
}

TEST(MemoryNeeds, OptionsAndPadding) {
  const ModelConfig odd = {.vocab_size = 17,
                           .n_positions = 65,
                           .n_embd = 6,
                           .n_layer = 1,
                           .n_head = 3,
                           .rotary_dim = 2,
                           .n_inner = 5};
  const MemoryNeeds needs = memory_needs(odd, {.weights = WeightType::kBF16,
                                               .kv_cache = WeightType::kF32,
                                               .embedding = {.type = WeightType::kF32}});
  // q, k and v are one matrix; inputs come in pairs.
  const uint64_t matrices = (32 * 6 + 16 * 6 + 16 * 6 + 16 * (5 + 1) + 32 * 6) * 2;
  const uint64_t vectors = (6 + 6 + 5 + 6 + 6 + 6 + 17) * 4;
  EXPECT_EQ(needs.weights, matrices + vectors);
  EXPECT_EQ(needs.embedding, 17u * 6 * 4);
  const MemoryNeeds made = memory_needs(
      odd, {.weights = WeightType::kBF16, .embedding = {WeightType::kF32, /*mapped=*/false}});
  EXPECT_EQ(made.weights, needs.weights + needs.embedding);
  // Three heads of two dimensions: values are padded to 16.
  EXPECT_EQ(needs.kv_cache_per_token, 3u * (2 + 16) * 4);
  EXPECT_EQ(needs.kv_cache_per_page, 64u * needs.kv_cache_per_token);
  EXPECT_EQ(needs.kv_cache_full_context, 128u * needs.kv_cache_per_token);
  EXPECT_EQ(memory_needs(odd, {.kv_cache = WeightType::kInt8}).kv_cache_per_token,
            3u * (2 + 16 + 2 * 4));
}

TEST(MemoryNeeds, QuantizedTypesCountTheirScales) {
  // Per group of 128: numbers, an f16 scale, and for 4 bits half a byte of zero point.
  constexpr uint64_t kLayers = uint64_t{28} * 12 * 4096 * 4096, kHead = uint64_t{50400} * 4096;
  const uint64_t vectors =
      memory_needs(k6B, {.weights = WeightType::kF16}).weights - 2 * (kLayers + kHead);
  EXPECT_EQ(memory_needs(k6B, {.weights = WeightType::kInt8}).weights,
            vectors + (kLayers + kHead) / 128 * 130);
  EXPECT_EQ(memory_needs(k6B, {.weights = WeightType::kInt4}).weights,
            vectors + kLayers / 128 * 133 / 2 + kHead / 128 * 130);
  EXPECT_DOUBLE_EQ(memory_needs(k6B, {.weights = WeightType::kInt8}).bits_per_weight, 8.125);
  EXPECT_NEAR(memory_needs(k6B, {.weights = WeightType::kInt4}).bits_per_weight, 4.2965, 0.0001);
  EXPECT_NEAR(
      memory_needs(k6B, {.weights = WeightType::kInt4, .head = WeightType::kInt4}).bits_per_weight,
      4.1728, 0.0001);
}

TEST(MemoryNeeds, RefusesWhatIsNoModel) {
  expect_error(
      ErrorCode::kInvalidArgument, [] { memory_needs(ModelConfig{}); }, "config: vocab_size",
      "found 0");
  expect_error(
      ErrorCode::kInvalidArgument, [] { memory_needs(k6B, {.kv_cache = WeightType::kInt4}); },
      "kv_cache", "found int4");
}

TEST(WeightType, Names) {
  for (const WeightType type : kWeightTypes) {
    EXPECT_EQ(parse_weight_type(weight_type_name(type)), type);
  }
  EXPECT_STREQ(weight_type_name(WeightType::kBF16), "bf16");
  expect_error(
      ErrorCode::kInvalidArgument, [] { parse_weight_type("q4"); },
      "expected f32, f16, bf16, int8 or int4, found \"q4\"");
}

}  // namespace
}  // namespace gptj::test
