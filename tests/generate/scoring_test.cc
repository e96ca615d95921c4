// SPDX-License-Identifier: Apache-2.0
// logprobs, and echo with max_tokens 0, against the log-softmax of a session's logits.
#include <gtest/gtest.h>

#include <cmath>

#include "generate/models.h"

namespace gptj {
namespace {

using test::fairytale;
using test::golden_model;
using test::logits_of;
using test::request_of;

using Ids = std::vector<TokenId>;

double log_softmax(std::span<const float> logits, TokenId id) {
  double sum = 0;
  for (const float v : logits) sum += std::exp(double{v} - logits[0]);
  return double{logits[static_cast<size_t>(id)]} - logits[0] - std::log(sum);
}

// A sum of n positive floats is off by n roundings at most, the result is rounded to a float.
double tolerance(size_t n, double value) { return (static_cast<double>(n) + 4 - value) * 0x1p-24; }

void expect_logprob(float found, std::span<const float> logits, TokenId id) {
  const double expected = log_softmax(logits, id);
  EXPECT_NEAR(found, expected, tolerance(logits.size(), expected)) << "id " << id;
}

// `entries` are those of ids[first] and on.
void expect_entries(std::span<const LogprobEntry> entries, const Model& model, const Ids& ids,
                    size_t first, size_t top) {
  const auto logits = logits_of(model, ids);
  ASSERT_EQ(entries.size(), ids.size() - first);
  for (size_t i = first; i < ids.size(); ++i) {
    const LogprobEntry& entry = entries[i - first];
    if (i == 0) {
      EXPECT_FALSE(entry.logprob);
      EXPECT_TRUE(entry.top.empty());
      continue;
    }
    expect_logprob(entry.logprob.value(), logits[i - 1], ids[i]);
    ASSERT_EQ(entry.top.size(), top);
    for (size_t t = 0; t < top; ++t) {
      expect_logprob(entry.top[t].logprob, logits[i - 1], entry.top[t].id);
      if (t > 0) {
        EXPECT_GE(entry.top[t - 1].logprob, entry.top[t].logprob);
      } else {
        EXPECT_EQ(entry.top[0].id, test::argmax(logits[i - 1]));
      }
    }
  }
}

TEST(Scoring, LogprobsAreTheLogSoftmax) {
  const Ids prompt = {3160, 667, 258, 541};
  for (const double temperature : {0.0, 1.5}) {
    Request request = request_of(prompt, 12, temperature);
    request.logprobs = 5;
    request.repetition_penalty = 1.5;  // raw: before any processor
    const Choice choice = complete(fairytale(), request).choices[0];
    Ids ids = prompt;
    ids.insert(ids.end(), choice.token_ids.begin(), choice.token_ids.end());
    expect_entries(choice.logprobs, fairytale(), ids, prompt.size(), 5);
  }
}

TEST(Scoring, EchoPutsThePromptInFront) {
  const std::string prompt = "Once upon a time";
  Request request = request_of(prompt, 8);
  const Choice plain = complete(fairytale(), request).choices[0];
  request.echo = true;
  request.logprobs = 3;
  const Choice echoed = complete(fairytale(), request).choices[0];
  EXPECT_EQ(echoed.text, prompt + *plain.text);
  Ids ids = fairytale().tokenizer()->encode(prompt);
  ids.insert(ids.end(), plain.token_ids.begin(), plain.token_ids.end());
  EXPECT_EQ(echoed.token_ids, ids);
  expect_entries(echoed.logprobs, fairytale(), ids, 0, 3);
}

// The prompt is longer than one chunk of it.
TEST(Scoring, MaxTokensZeroScoresAText) {
  const auto& prompts = test::fairytale_reference().at("prompts");
  const Ids ids = prompts.back().at("ids");
  ASSERT_GT(ids.size(), 256u);
  Request request = request_of(ids, 0);
  request.echo = true;
  request.logprobs = 0;
  const Completion completion = complete(fairytale(), request);
  EXPECT_EQ(completion.choices[0].token_ids, ids);
  EXPECT_EQ(completion.choices[0].finish_reason, FinishReason::kLength);
  EXPECT_EQ(completion.usage.completion_tokens, 0);
  expect_entries(completion.choices[0].logprobs, fairytale(), ids, 0, 0);
}

TEST(Scoring, AnEmptyPromptIsTheBosTokenAndNoText) {
  Request request = request_of("", 3);
  request.echo = true;
  request.logprobs = 1;
  const Choice choice = complete(fairytale(), request).choices[0];
  ASSERT_EQ(choice.token_ids.size(), 4u);
  EXPECT_EQ(choice.token_ids[0], fairytale().config().bos_token_id);
  EXPECT_EQ(choice.text, fairytale().tokenizer()->decode(
                             {choice.token_ids.begin() + 1, choice.token_ids.end()}));
  expect_entries(choice.logprobs, fairytale(), choice.token_ids, 0, 1);
}

TEST(Scoring, NotAskedForIsNotThere) {
  Request request = request_of(Ids{1, 2, 3}, 3);
  request.echo = true;
  EXPECT_TRUE(complete(golden_model(), request).choices[0].logprobs.empty());
}

TEST(Scoring, EventsCarryTheLogprob) {
  Request request = request_of(Ids{1, 2, 3}, 6);
  request.logprobs = 0;
  std::vector<float> logprobs;
  request.on_token = [&](const TokenEvent& event) {
    logprobs.push_back(event.logprob);
    return Progress::kContinue;
  };
  const Choice choice = complete(golden_model(), request).choices[0];
  ASSERT_EQ(logprobs.size(), choice.logprobs.size());
  for (size_t i = 0; i < logprobs.size(); ++i) EXPECT_EQ(logprobs[i], choice.logprobs[i].logprob);
}

}  // namespace
}  // namespace gptj
