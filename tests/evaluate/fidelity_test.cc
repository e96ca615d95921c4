// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "gptj/evaluate.h"
#include "support/expect_error.h"

namespace gptj {
namespace {

using test::expect_error;

const std::string kFairytale = GPTJ_SOURCE_DIR "/models/fairytale-8m";

const Model& reference() {
  static const Model model = Model::load(kFairytale, {.weights = WeightType::kF32});
  return model;
}

const std::vector<TokenId>& heldout() {
  static const std::vector<TokenId> ids = [] {
    std::ifstream file(GPTJ_SOURCE_DIR "/tests/golden/fairytale-8m-heldout.txt");
    return reference().tokenizer()->encode(
        std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
  }();
  return ids;
}

Fidelity of(const LoadOptions& options) {
  return fidelity(Model::load(kFairytale, options), reference(), heldout(),
                  {.window = 512, .windows = 16});
}

TEST(Fidelity, OfAModelWithItselfIsPerfect) {
  const Fidelity f = fidelity(reference(), reference(), heldout(), {.window = 100, .windows = 3});
  EXPECT_EQ(f.tokens, 300);
  EXPECT_EQ(f.mean_kl, 0);
  EXPECT_EQ(f.p99_kl, 0);
  EXPECT_EQ(f.top1_agreement, 1);
  EXPECT_EQ(f.perplexity, f.reference_perplexity);
  const std::span<const TokenId> text(heldout());
  EXPECT_NEAR(f.perplexity, perplexity(reference(), text.first(300), {.window = 100}).perplexity,
              1e-9 * f.perplexity);
}

// The bars of the project: sixteen windows of held-out text against f32. A head of 4 bits is a
// choice of the user's that costs what it costs: a little more than 1 % of perplexity.
TEST(Fidelity, OfEveryWeightTypeHoldsItsBar) {
  struct Bar {
    WeightType weights;
    std::optional<WeightType> head;
    double mean_kl, perplexity;  // the second relative
  };
  for (const Bar& bar :
       {Bar{WeightType::kF16, {}, 1e-5, 0.001}, Bar{WeightType::kBF16, {}, 1e-5, 0.001},
        Bar{WeightType::kInt8, {}, 1.6e-4, 0.001}, Bar{WeightType::kInt4, {}, 8.5e-3, 0.01},
        Bar{WeightType::kInt4, WeightType::kInt4, 8.5e-3, 0.012}}) {
    const Fidelity f = of({.weights = bar.weights, .head = bar.head});
    const std::string name = weight_type_name(bar.weights);
    SCOPED_TRACE(name + (bar.head ? " with such a head" : ""));
    RecordProperty(name, std::to_string(f.mean_kl));
    EXPECT_EQ(f.tokens, 16 * 512);
    EXPECT_LE(f.mean_kl, bar.mean_kl);
    EXPECT_LE(f.mean_kl, f.p99_kl);
    EXPECT_NEAR(f.perplexity / f.reference_perplexity, 1, bar.perplexity);
    EXPECT_GT(f.top1_agreement, 0.9);
    std::printf("%s%s: mean KL %.3g, 99th percentile %.3g, top-1 %.4f, perplexity %.4f of %.4f\n",
                name.c_str(), bar.head ? " and head" : "", f.mean_kl, f.p99_kl, f.top1_agreement,
                f.perplexity, f.reference_perplexity);
  }
}

// What the cache alone costs: f32 weights, and keys and values in fewer bits.
TEST(Fidelity, OfEveryCacheTypeHoldsItsBar) {
  for (const auto& [type, mean_kl] :
       {std::pair{WeightType::kF16, 2e-7}, {WeightType::kBF16, 7e-6}, {WeightType::kInt8, 5e-5}}) {
    const Fidelity f = of({.weights = WeightType::kF32, .kv_cache = type});
    const std::string name = std::string("cache of ") + weight_type_name(type);
    SCOPED_TRACE(name);
    RecordProperty(name, std::to_string(f.mean_kl));
    EXPECT_LE(f.mean_kl, mean_kl);
    EXPECT_NEAR(f.perplexity / f.reference_perplexity, 1, 0.001);
    std::printf("%s: mean KL %.3g, 99th percentile %.3g, top-1 %.4f, perplexity %.4f of %.4f\n",
                name.c_str(), f.mean_kl, f.p99_kl, f.top1_agreement, f.perplexity,
                f.reference_perplexity);
  }
}

TEST(Fidelity, RefusesWhatCannotBeCompared) {
  const std::vector<TokenId> ids(100, 5);
  const Model other = Model::load(GPTJ_SOURCE_DIR "/tests/golden/big-head-f16");
  const auto compare = [&](const Model& model, const FidelityOptions& options) {
    return [&model, options, &ids] { fidelity(model, reference(), ids, options); };
  };
  expect_error(ErrorCode::kInvalidArgument, compare(other, {}), "one vocabulary", "4096");
  expect_error(ErrorCode::kInvalidArgument, compare(reference(), {.window = 1}), "window",
               "2 to 512");
  expect_error(ErrorCode::kInvalidArgument, compare(reference(), {}), "at least 512 tokens",
               "found 100");
  expect_error(ErrorCode::kInvalidArgument, compare(reference(), {.window = 50, .windows = 3}),
               "windows", "0 to 2");
  expect_error(
      ErrorCode::kCancelled,
      compare(reference(),
              {.window = 50, .on_progress = [](int64_t, int64_t) { return Progress::kCancel; }}),
      "cancelled");
}

}  // namespace
}  // namespace gptj
