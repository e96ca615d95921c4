// SPDX-License-Identifier: Apache-2.0
#include "gptj/model.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <cmath>
#include <filesystem>
#include <thread>

#include "engine/model_state.h"
#include "kernels/arithmetic_version.h"
#include "kernels/dispatch.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/tiny_checkpoint.h"

namespace gptj::test {
namespace {

const std::string kBundled = GPTJ_SOURCE_DIR "/models/fairytale-8m";

std::vector<float> last_logits(const Model& model, std::span<const TokenId> ids) {
  Session session(model);
  return forward(session, rows_of(ids, session.add_sequence(), 0)).back();
}

TEST(Model, DescribesItself) {
  const Model model = Model::load(kBundled + "/", {.threads = 3});
  EXPECT_EQ(model.name(), "fairytale-8m");
  EXPECT_EQ(model.weight_type(), WeightType::kF16);
  EXPECT_EQ(model.kv_cache_type(), WeightType::kF16);
  EXPECT_EQ(model.threads(), 3u);
  EXPECT_NE(model.tokenizer(), nullptr);
  // 2 bytes a weight of layers and head; one page of 64 positions holds 65.. in two.
  EXPECT_EQ(model.weight_bytes(), 2u * (8 * (4 * 256 * 256 + 2 * 256 * 1024) + 4096 * 256));
  EXPECT_EQ(model.kv_cache_bytes(64), 64u * 8 * 2 * 256 * 2);
  EXPECT_EQ(model.kv_cache_bytes(65), 128u * 8 * 2 * 256 * 2);
}

TEST(Model, TypesOfWeightsAndCacheAreThoseAskedFor) {
  const std::vector<TokenId> ids = {341, 432};
  const TokenId expected = argmax(last_logits(Model::load(kBundled), ids));
  for (const WeightType weights : kWeightTypes) {
    EXPECT_EQ(Model::load(kBundled, {.weights = weights}).kv_cache_type(),
              weights == WeightType::kF32 ? WeightType::kF32 : WeightType::kF16);
    for (const WeightType cache :
         {WeightType::kF32, WeightType::kF16, WeightType::kBF16, WeightType::kInt8}) {
      const Model model = Model::load(kBundled, {.weights = weights, .kv_cache = cache});
      EXPECT_EQ(model.weight_type(), weights);
      EXPECT_EQ(model.kv_cache_type(), cache);
      EXPECT_EQ(argmax(last_logits(model, ids)), expected);
    }
  }
}

TEST(Model, HoldsNoKeysInFourBits) {
  expect_error(
      ErrorCode::kInvalidArgument, [] { Model::load(kBundled, {.kv_cache = WeightType::kInt4}); },
      "kv_cache: expected f32, f16, bf16 or int8, found int4");
}

TEST(Model, HeadOfFourBitsIsEightUnlessToldOtherwise) {
  const auto bytes = [](const LoadOptions& options) {
    return Model::load(kBundled, options).weight_bytes();
  };
  const uint64_t otherwise = bytes({.weights = WeightType::kInt4});
  EXPECT_EQ(bytes({.weights = WeightType::kInt4, .head = WeightType::kInt8}), otherwise);
  // Half a byte for each of 4096 x 256 weights; scales of 2 bytes for each 128 of them, against 2.5
  // for each 32.
  EXPECT_EQ(otherwise - bytes({.weights = WeightType::kInt4, .head = WeightType::kInt4}),
            4096 * (256 / 2 + 256 / 128 * 2) - 4096 * 256 / 32 * 5 / 2);
}

// Answers that such products had a part in may not be carried on by another instruction set's.
TEST(Model, ArithmeticNamesWhoseProductsOfBf16WhereverTheyAre) {
  const auto name = [](const LoadOptions& options) {
    return arithmetic_name(Model::load(kBundled, options));
  };
  const std::string named = name({.weights = WeightType::kBF16});
  const auto& product = select_kernels("").product[Element::kBF16];
  EXPECT_EQ(named, std::to_string(kArithmeticVersion) + " " + product.isa);
  EXPECT_EQ(name({.weights = WeightType::kInt4, .head = WeightType::kBF16}), named);
  EXPECT_EQ(name({.weights = WeightType::kBF16, .head = WeightType::kInt8}), named);
  EXPECT_EQ(name({.weights = WeightType::kInt4}), std::to_string(kArithmeticVersion));
}

TEST(Model, ReportsProgressAndCanBeCancelled) {
  uint64_t last = 0, whole = 0;
  Model::load(kBundled, {.on_progress = [&](uint64_t done, uint64_t total) {
                EXPECT_LE(last, done);
                EXPECT_LE(done, total);
                last = done;
                whole = total;
                return Progress::kContinue;
              }});
  EXPECT_GT(whole, 0u);
  EXPECT_GE(last + 2 * 4096 * 256, whole) << "all but the embedding is reported";
  expect_error(ErrorCode::kCancelled, [] {
    Model::load(kBundled, {.on_progress = [](uint64_t, uint64_t) { return Progress::kCancel; }});
  });
}

TEST(Model, RefusesWhatDoesNotFitWithTheFigures) {
  expect_error(
      ErrorCode::kOutOfMemory, [] { Model::load(kBundled, {.max_ram = 1000000}); }, kBundled,
      "0.02 GB", "0.00 GB allowed by `max_ram`");
}

TEST(Model, RefusesUnknownInstructionSets) {
  expect_error(
      ErrorCode::kInvalidArgument, [] { Model::load(kBundled, {.isa = "sse9"}); }, "sse9",
      "portable");
}

TEST(Model, RefusesASaveWithoutLmHead) {
  const TempFolder folder;
  TinyCheckpoint tiny;
  tiny.remove("lm_head.weight");
  tiny.remove("lm_head.bias");
  tiny.write(folder);
  expect_error(
      ErrorCode::kUnsupported, [&] { Model::load(folder.path()); }, "lm_head.weight", "base model");
}

TEST(Model, RefusesWeightsBeyondF16) {
  const TempFolder folder;
  TinyCheckpoint tiny(DType::kF32);
  TestTensor& tensor = tiny.tensor("transformer.h.1.mlp.fc_in.weight");
  const float large = 70000.0f;
  std::memcpy(tensor.bytes.data(), &large, sizeof large);
  tiny.write(folder);
  expect_error(
      ErrorCode::kUnsupported, [&] { Model::load(folder.path(), {.weights = WeightType::kF16}); },
      "h.1.mlp.fc_in.weight", "`weights` bf16 or f32");
  Model::load(folder.path(), {.weights = WeightType::kBF16});
}

TEST(Model, WarnsOfATokenizerLargerThanTheWeights) {
  const TempFolder folder;
  TinyCheckpoint().write(folder);
  for (const char* name : {"tokenizer.json", "vocab.json", "merges.txt"}) {
    std::filesystem::copy_file(kBundled + "/" + name, folder.path(name));
  }
  std::string warning;
  Model::load(folder.path(), {.on_warning = [&](const std::string& text) { warning = text; }});
  EXPECT_NE(warning.find("4096 ids, the weights only 7 rows"), std::string::npos) << warning;
}

TEST(Model, CountsKeysAndValuesBeyondF16) {
  const TempFolder folder;
  TinyCheckpoint tiny(DType::kF32);
  const float large = 1e3f;  // times itself it is beyond 65504
  for (const char* name : {"ln_1.bias", "attn.v_proj.weight"}) {
    std::string& bytes = tiny.tensor(std::string("transformer.h.0.") + name).bytes;
    std::memcpy(bytes.data(), &large, sizeof large);
  }
  tiny.write(folder);
  const std::vector<TokenId> ids = {1, 2};
  for (const WeightType cache : {WeightType::kF16, WeightType::kF32}) {
    const Model model = Model::load(folder.path(), {.kv_cache = cache});
    EXPECT_EQ(model.kv_cache_overflows(), 0u);
    last_logits(model, ids);
    if (cache == WeightType::kF16) {
      EXPECT_GT(model.kv_cache_overflows(), 0u);
    } else {
      EXPECT_EQ(model.kv_cache_overflows(), 0u);
    }
  }
}

// A row that has no scale makes one that is not a number.
TEST(Model, KeysAndValuesThatAreNotFiniteStayAnErrorInInt8) {
  for (const char* name : {"k_proj", "v_proj"}) {
    const TempFolder folder;
    TinyCheckpoint tiny(DType::kF32);
    TestTensor& tensor = tiny.tensor(std::string("transformer.h.0.attn.") + name + ".weight");
    const float infinity = HUGE_VALF;
    std::memcpy(tensor.bytes.data(), &infinity, sizeof infinity);
    tiny.write(folder);
    const Model model = Model::load(folder.path(), {.kv_cache = WeightType::kInt8});
    const std::vector<TokenId> ids = {1, 2};
    expect_error(
        ErrorCode::kNotFinite, [&] { last_logits(model, ids); }, "position 0");
  }
}

// Rounding upwards at the caller's changes nothing inside, and is still on afterwards.
TEST(Model, IgnoresAndKeepsTheCallersRounding) {
  const std::vector<TokenId> ids = {30, 7, 99};
  const std::vector<float> expected =
      last_logits(Model::load(golden_path("rotary-partial-f32")), ids);
  std::fesetround(FE_UPWARD);
  const std::vector<float> found = last_logits(Model::load(golden_path("rotary-partial-f32")), ids);
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(found, expected);
}

TEST(Model, ServesSessionsOnManyThreads) {
  const Model model = Model::load(golden_path("big-head-f16"), {.threads = 2});
  const std::vector<TokenId> ids = {1, 2, 3, 4, 5, 6, 7};
  const std::vector<float> expected = last_logits(model, ids);
  std::vector<std::vector<float>> found(4);
  std::vector<std::thread> threads;
  for (auto& logits : found) {
    threads.emplace_back([&, copy = model] {
      for (int i = 0; i < 20; ++i) logits = last_logits(copy, ids);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& logits : found) EXPECT_EQ(logits, expected);
}

}  // namespace
}  // namespace gptj::test
