// SPDX-License-Identifier: Apache-2.0
// The scores of continuations are those that generation reports, bit for bit.
#include <gtest/gtest.h>

#include "generate/models.h"
#include "gptj/evaluate.h"
#include "support/expect_error.h"

namespace gptj {
namespace {

using test::expect_error;
using test::fairytale;
using test::golden_model;

using Ids = std::vector<TokenId>;

// By complete() of context and continuation together.
Score by_echo(const Model& model, const Ids& context, const Ids& continuation) {
  Score score;
  score.ids = continuation;
  score.all_greedy = true;
  Ids ids = context;
  ids.insert(ids.end(), continuation.begin(), continuation.end());
  Request request = test::request_of(ids, 0);
  request.echo = true;
  request.logprobs = 1;
  const Choice choice = complete(model, request).choices[0];
  for (size_t i = context.size(); i < ids.size(); ++i) {
    const LogprobEntry& entry = choice.logprobs[i];
    score.logprobs.push_back(*entry.logprob);
    score.is_greedy.push_back(entry.top[0].id == ids[i]);
    score.logprob += *entry.logprob;
    score.all_greedy = score.all_greedy && score.is_greedy.back();
  }
  return score;
}

void expect_scores(const Model& model, const Ids& context, const std::vector<Ids>& continuations) {
  const std::vector<TextOrIds> values(continuations.begin(), continuations.end());
  const std::vector<Score> scores = score(model, context, values);
  ASSERT_EQ(scores.size(), continuations.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const Score expected = by_echo(model, context, continuations[i]);
    EXPECT_EQ(scores[i].ids, expected.ids);
    EXPECT_EQ(scores[i].logprobs, expected.logprobs);
    EXPECT_EQ(scores[i].is_greedy, expected.is_greedy);
    EXPECT_EQ(scores[i].logprob, expected.logprob);
    EXPECT_EQ(scores[i].all_greedy, expected.all_greedy);
  }
}

Ids some_ids(size_t n, TokenId step) {
  Ids ids(n);
  for (size_t i = 0; i < n; ++i) ids[i] = 1 + static_cast<TokenId>(i) * step % 130;
  return ids;
}

TEST(Score, IsThatOfGeneration) {
  for (const Model* model : {&golden_model(), &fairytale()}) {
    for (const size_t context : {1, 63, 64, 65, 100}) {
      expect_scores(*model, some_ids(context, 7),
                    {some_ids(1, 3), some_ids(20, 11), {}, some_ids(2, 5), some_ids(28, 7)});
    }
  }
}

// More rows than are computed at once, of context and of continuations.
TEST(Score, OfMoreThanAChunkIsTheSame) {
  std::vector<Ids> many;
  for (TokenId i = 1; i < 30; ++i) many.push_back(some_ids(20, i));
  expect_scores(fairytale(), some_ids(300, 7), many);
}

TEST(Score, WhatGreedyGenerationSaysIsGreedy) {
  Request request = test::request_of("Once upon a time", 12);
  request.ignore_eos = true;
  const Ids greedy = complete(fairytale(), request).choices[0].token_ids;
  Ids other = greedy;
  other.back() = other.back() == 5 ? 6 : 5;
  const std::vector<TextOrIds> continuations = {greedy, other};
  const auto scores = score(fairytale(), "Once upon a time", continuations);
  EXPECT_TRUE(scores[0].all_greedy);
  EXPECT_FALSE(scores[1].all_greedy);
  EXPECT_EQ(scores[1].is_greedy.back(), false);
  EXPECT_GT(scores[0].logprob, scores[1].logprob);
}

TEST(Score, TextsAreEncodedAsPromptAndAsTextThatGoesOn) {
  const std::vector<TextOrIds> continuations = {" there was", ""};
  const auto scores = score(fairytale(), "Once upon a time", continuations);
  EXPECT_EQ(scores[0].ids, fairytale().tokenizer()->encode(" there was", {.continues = true}));
  EXPECT_TRUE(scores[1].ids.empty());
  EXPECT_TRUE(scores[1].all_greedy);
  EXPECT_EQ(scores[1].logprob, 0);
  // An empty context is the bos token.
  const auto from_bos = score(fairytale(), "", continuations);
  const auto expected = score(fairytale(), Ids{*fairytale().config().bos_token_id}, continuations);
  EXPECT_EQ(from_bos[0].logprobs, expected[0].logprobs);
}

TEST(Score, ErrorsNameTheField) {
  const auto call = [](const TextOrIds& context, const TextOrIds& continuation) {
    const std::vector<TextOrIds> continuations = {continuation};
    return [=] { score(golden_model(), context, continuations); };
  };
  expect_error(ErrorCode::kInvalidArgument, call("text", Ids{1}), "context: ");
  expect_error(ErrorCode::kInvalidArgument, call(Ids{131}, Ids{1}), "context: ");
  expect_error(ErrorCode::kInvalidArgument, call(Ids{1}, Ids{-1}), "continuations: ");
  expect_error(ErrorCode::kInvalidArgument, call(Ids{1}, "text"), "continuations: ");
  expect_error(ErrorCode::kContextLength, call(some_ids(100, 3), some_ids(29, 3)),
               "continuation 0 of 29 tokens behind a context of 100", "128");
  EXPECT_NO_THROW(call(some_ids(100, 3), some_ids(28, 3))());
  const CancelToken cancel;
  cancel.cancel();
  const std::vector<TextOrIds> one = {Ids{1}};
  expect_error(ErrorCode::kCancelled, [&] { score(golden_model(), Ids{1}, one, cancel); });
}

}  // namespace
}  // namespace gptj
