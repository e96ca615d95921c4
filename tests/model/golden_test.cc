// SPDX-License-Identifier: Apache-2.0
// Parity with Hugging Face transformers, with f32 weights, cache and arithmetic.
#include "support/golden.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/dispatch.h"

namespace gptj {
namespace {

using test::argmax;
using test::forward;
using test::golden_cases;
using test::GoldenCase;
using test::rows_of;

struct GoldenModel {
  const char* folder;  // of the weights
  const char* cases;   // of cases.json
};

class GoldenTest : public testing::TestWithParam<GoldenModel> {
 protected:
  const Model model_ = Model::load(test::golden_path(GetParam().folder),
                                   {.weights = WeightType::kF32, .threads = 2});
};

double log_softmax(std::span<const float> logits, TokenId id) {
  double sum = 0;
  const float largest = *std::max_element(logits.begin(), logits.end());
  for (const float v : logits) sum += std::exp(double{v} - largest);
  return logits[static_cast<size_t>(id)] - largest - std::log(sum);
}

TEST_P(GoldenTest, LogitsAreHuggingFaces) {
  for (const GoldenCase& c : golden_cases(GetParam().cases)) {
    Session session(model_);
    const auto logits = forward(session, rows_of(c.prompt_ids, session.add_sequence(), 0));
    const auto [low, high] = std::minmax_element(c.last_logits.begin(), c.last_logits.end());
    const double range = *high - *low;
    for (size_t i = 0; i < c.last_logits.size(); ++i) {
      ASSERT_NEAR(logits.back()[i], c.last_logits[i], 2e-5 * range) << "logit " << i;
    }
    for (size_t r = 0; r < logits.size(); ++r) {
      ASSERT_EQ(argmax(logits[r]), c.argmax[r]) << "after prompt token " << r;
      if (r + 1 == logits.size()) continue;
      // Two logits, each within the promise, make a logprob.
      ASSERT_NEAR(log_softmax(logits[r], c.prompt_ids[r + 1]), c.next_token_logprob[r],
                  2 * 2e-5 * range)
          << "prompt token " << r + 1;
    }
  }
}

TEST_P(GoldenTest, GreedyTokensAreHuggingFaces) {
  for (const GoldenCase& c : golden_cases(GetParam().cases)) {
    Session session(model_);
    const SequenceId sequence = session.add_sequence();
    std::vector<TokenId> next = c.prompt_ids, found;
    while (found.size() < c.greedy_ids.size()) {
      const auto logits = forward(session, rows_of(next, sequence, session.length(sequence)));
      next = {argmax(logits.back())};
      found.push_back(next[0]);
    }
    EXPECT_EQ(found, c.greedy_ids) << "prompt of " << c.prompt_ids.size();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, GoldenTest,
    testing::Values(GoldenModel{"rotary-partial-f32", "rotary-partial-f32"},
                    GoldenModel{"rotary-partial-f32/sharded", "rotary-partial-f32"},
                    GoldenModel{"rotary-partial-f32/torch", "rotary-partial-f32"},
                    GoldenModel{"rotary-partial-f32/torch-legacy", "rotary-partial-f32"},
                    GoldenModel{"rotary-partial-f32/torch-sharded", "rotary-partial-f32"},
                    GoldenModel{"rotary-full-odd-ffn-f16", "rotary-full-odd-ffn-f16"},
                    GoldenModel{"rotary-full-odd-ffn-f16/torch", "rotary-full-odd-ffn-f16"},
                    GoldenModel{"deep-bf16", "deep-bf16"},
                    GoldenModel{"deep-bf16/torch", "deep-bf16"},
                    GoldenModel{"big-head-f16", "big-head-f16"},
                    GoldenModel{"big-head-f16/torch", "big-head-f16"},
                    GoldenModel{"codegen-f16", "codegen-f16"},
                    GoldenModel{"long-context-f16", "long-context-f16"}),
    [](const testing::TestParamInfo<GoldenModel>& instance) {
      std::string name = instance.param.folder;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

}  // namespace
}  // namespace gptj
