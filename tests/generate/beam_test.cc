// SPDX-License-Identifier: Apache-2.0
// Beam search as transformers 4.27.1 computes it.
#include <gtest/gtest.h>

#include <cmath>

#include "generate/models.h"
#include "support/expect_error.h"
#include "support/golden.h"

namespace gptj {
namespace {

using test::expect_error;
using test::fairytale;
using test::request_of;

Request beams(TextOrIds prompt, int64_t max_tokens, int64_t num_beams) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.num_beams = num_beams;
  request.num_return_sequences = num_beams;
  request.seed = 0;
  return request;
}

class GoldenBeams : public testing::TestWithParam<const char*> {};

TEST_P(GoldenBeams, SequencesAndScoresAreHuggingFaces) {
  const Model model =
      Model::load(test::golden_path(GetParam()), {.weights = WeightType::kF32, .threads = 2});
  const nlohmann::json json = test::read_json(test::golden_path(GetParam()) + "/cases.json");
  int searches = 0;
  for (const auto& c : json.at("cases")) {
    for (const auto& b : c.at("beams")) {
      Request request =
          beams(c.at("prompt_ids").get<std::vector<TokenId>>(), 20, b.at("num_beams"));
      request.length_penalty = b.at("length_penalty").get<double>();
      request.early_stopping =
          b.at("early_stopping").get<bool>() ? EarlyStopping::kYes : EarlyStopping::kNo;
      if (b.contains("repetition_penalty")) {
        request.repetition_penalty = b.at("repetition_penalty").get<double>();
      }
      const Completion completion = complete(model, request);
      ASSERT_EQ(completion.choices.size(), b.at("sequences").size());
      for (size_t i = 0; i < completion.choices.size(); ++i) {
        EXPECT_EQ(completion.choices[i].token_ids,
                  b.at("sequences")[i].get<std::vector<TokenId>>());
        const double score = b.at("scores")[i];
        EXPECT_NEAR(completion.choices[i].score.value(), score, 1e-4 * std::abs(score));
      }
      ++searches;
    }
  }
  EXPECT_GT(searches, 8);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenBeams,
                         testing::Values("big-head-f16", "codegen-f16", "deep-bf16",
                                         "long-context-f16", "rotary-full-odd-ffn-f16",
                                         "rotary-partial-f32"));

TEST(Beams, HypothesesAreBestFirstAndCarryRawLogprobs) {
  Request request = beams("Once upon a time", 24, 5);
  request.num_return_sequences = 3;
  request.logprobs = 1;
  const Completion completion = complete(fairytale(), request);
  ASSERT_EQ(completion.choices.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const Choice& choice = completion.choices[i];
    ASSERT_EQ(choice.logprobs.size(), choice.token_ids.size());
    double sum = 0;
    for (const LogprobEntry& entry : choice.logprobs) sum += *entry.logprob;
    const bool ended = choice.finish_reason == FinishReason::kStop;
    const auto length = static_cast<double>(completion.usage.prompt_tokens) +
                        static_cast<double>(choice.token_ids.size()) - (ended ? 1 : 0);
    EXPECT_NEAR(*choice.score, sum / length, 1e-5);
    if (i > 0) {
      EXPECT_GE(*completion.choices[i - 1].score, *choice.score);
    }
  }
}

TEST(Beams, ABeamSearchOfWidthOneIsGreedy) {
  Request request = beams("The king", 12, 1);
  request.temperature = 0;
  const std::vector<TokenId> one = complete(fairytale(), request).choices[0].token_ids;
  EXPECT_EQ(one, complete(fairytale(), request_of("The king", 12)).choices[0].token_ids);
}

TEST(Beams, EchoBeginsEveryHypothesis) {
  Request request = beams("The king", 5, 3);
  request.echo = true;
  for (const Choice& choice : complete(fairytale(), request).choices) {
    EXPECT_EQ(choice.text->substr(0, 8), "The king");
  }
}

TEST(Beams, AreTheSameInCompany) {
  const Request request = beams("Once upon a time there was a king, who had", 30, 4);
  const std::string alone = completion_json(fairytale(), request, complete(fairytale(), request));
  Generator generator(fairytale());
  std::vector<std::future<Completion>> futures;
  for (int i = 0; i < 3; ++i) {
    futures.push_back(generator.submit(request));
    futures.push_back(generator.submit(request_of("The little girl", 20 + i, 1)));
  }
  for (size_t i = 0; i < futures.size(); i += 2) {
    EXPECT_EQ(completion_json(fairytale(), request, futures[i].get()), alone);
  }
}

TEST(Beams, NothingToMakeIsAsManyEmptyTexts) {
  const Completion completion = complete(fairytale(), beams("The king", 0, 2));
  ASSERT_EQ(completion.choices.size(), 2u);
  for (const Choice& choice : completion.choices) EXPECT_TRUE(choice.token_ids.empty());
}

TEST(Beams, WhereEveryTokenIsForbiddenIsAnError) {
  Request request = beams("The king", 4, 2);
  request.on_logits = [](int64_t, std::span<const TokenId>, std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), -HUGE_VALF);
  };
  expect_error(
      ErrorCode::kInvalidArgument, [&] { complete(fairytale(), request); }, "forbid");
}

TEST(Beams, CancelledTheyAreWhatThereIs) {
  const CancelToken cancel;
  Request request = beams("The king", 200, 3);
  request.ignore_eos = true;
  int steps = 0;
  request.on_logits = [&](int64_t, std::span<const TokenId>, std::span<float>) {
    if (++steps == 30) cancel.cancel();
  };
  const Completion completion = complete(fairytale(), request, cancel);
  ASSERT_EQ(completion.choices.size(), 3u);
  for (const Choice& choice : completion.choices) {
    EXPECT_EQ(choice.finish_reason, FinishReason::kCancelled);
    EXPECT_EQ(choice.token_ids.size(), completion.choices[0].token_ids.size());
  }
}

TEST(Beams, WhatDoesNotGoWithThemIsRefused) {
  const auto expect_refused = [](const char* field, auto change) {
    Request request = beams("The king", 4, 3);
    change(request);
    expect_error(
        ErrorCode::kInvalidArgument, [&] { complete(fairytale(), request); }, field);
  };
  expect_refused("temperature", [](Request& r) { r.temperature = 0.5; });
  expect_refused("top_p", [](Request& r) { r.top_p = 0.5; });
  expect_refused("best_of", [](Request& r) { r.best_of = 3; });
  expect_refused("stop", [](Request& r) { r.stop = {"x"}; });
  expect_refused("num_beams", [](Request& r) { r.num_beams = 0; });
  expect_refused("num_return_sequences", [](Request& r) { r.n = 2; });
  expect_refused("n: ", [](Request& r) { r.num_return_sequences = 4; });
}

}  // namespace
}  // namespace gptj
