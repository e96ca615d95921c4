// SPDX-License-Identifier: Apache-2.0
#include "sampling/logits_processor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/check.h"

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;
using Logits = std::vector<float>;
constexpr float kForbidden = -std::numeric_limits<float>::infinity();

Logits penalized(const SamplingOptions& options, const Ids& ids, size_t prompt_size = 0,
                 Logits logits = {2, -2, 1, -1, 0}) {
  const Ids end_ids = {4};
  apply_penalties(logits, {ids, prompt_size, end_ids}, options);
  return logits;
}

TEST(Penalties, DefaultsChangeNothing) {
  EXPECT_EQ(penalized({}, {0, 1, 2, 0, 1, 2}), (Logits{2, -2, 1, -1, 0}));
}

TEST(Penalties, RepetitionCountsAnIdOnceInPromptOrOutput) {
  SamplingOptions options;
  options.repetition_penalty = 2;
  EXPECT_EQ(penalized(options, {0, 0, 1, 4}, 2), (Logits{1, -4, 1, -1, 0}));
}

TEST(Penalties, RepetitionLooksAtTheLastIdsOfItsRange) {
  SamplingOptions options;
  options.repetition_penalty = 2;
  options.repetition_penalty_range = 2;
  EXPECT_EQ(penalized(options, {0, 0, 1, 3}, 1), (Logits{2, -4, 1, -2, 0}));
  options.repetition_penalty_range = 1;
  EXPECT_EQ(penalized(options, {0, 0, 1, 3}, 1), (Logits{2, -2, 1, -2, 0}));
  for (const int64_t all : {0, 4, 1000}) {
    options.repetition_penalty_range = all;
    EXPECT_EQ(penalized(options, {0, 0, 1, 3}, 1), (Logits{1, -4, 1, -2, 0}));
  }
}

TEST(Penalties, FrequencyAndPresenceCountTheOutputAlone) {
  SamplingOptions options;
  options.frequency_penalty = 0.5;
  EXPECT_EQ(penalized(options, {0, 0, 1, 1, 2}, 2), (Logits{2, -3, 0.5, -1, 0}));
  options.presence_penalty = 0.25;
  EXPECT_EQ(penalized(options, {0, 0, 1, 1, 2}, 2), (Logits{2, -3.25, 0.25, -1, 0}));
  options.frequency_penalty = 0;
  EXPECT_EQ(penalized(options, {0, 0, 1, 1, 2}, 2), (Logits{2, -2.25, 0.75, -1, 0}));
}

TEST(Penalties, BiasesAddUp) {
  SamplingOptions options;
  options.logit_bias = {{0, 1}, {3, -100}, {0, 0.5}};
  EXPECT_EQ(penalized(options, {}), (Logits{3.5, -2, 1, -101, 0}));
}

TEST(Penalties, NoRepeatNgram) {
  SamplingOptions options;
  options.no_repeat_ngram_size = 3;
  EXPECT_EQ(penalized(options, {0, 1, 2, 0, 1}), (Logits{2, -2, kForbidden, -1, 0}));
  EXPECT_EQ(penalized(options, {0, 1, 2, 0, 1, 3, 0, 1}),
            (Logits{2, -2, kForbidden, kForbidden, 0}));
  EXPECT_EQ(penalized(options, {0, 1}), (Logits{2, -2, 1, -1, 0}));
  EXPECT_EQ(penalized(options, {0}), (Logits{2, -2, 1, -1, 0}));
  options.no_repeat_ngram_size = 1;
  EXPECT_EQ(penalized(options, {0, 1}), (Logits{kForbidden, kForbidden, 1, -1, 0}));
  options.no_repeat_ngram_size = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(penalized(options, {0, 0, 0}), (Logits{2, -2, 1, -1, 0}));
}

TEST(Penalties, BadWords) {
  SamplingOptions options;
  options.bad_words = {{0}, {1, 2}, {2, 1, 3}, {3, 3, 3, 3}, {4}, {1, 4}};
  EXPECT_EQ(penalized(options, {}), (Logits{kForbidden, -2, 1, -1, 0}));
  EXPECT_EQ(penalized(options, {1}), (Logits{kForbidden, -2, kForbidden, -1, kForbidden}));
  EXPECT_EQ(penalized(options, {2, 1}),
            (Logits{kForbidden, -2, kForbidden, kForbidden, kForbidden}));
}

TEST(Penalties, WorkInTheirOrder) {
  SamplingOptions options;
  options.repetition_penalty = 2;
  options.frequency_penalty = 0.5;
  options.logit_bias = {{0, 3}};
  EXPECT_EQ(penalized(options, {0})[0], 2 / 2 - 0.5f + 3);
}

struct Refused {
  const char* param;
  const char* message;
  std::function<void(SamplingOptions&)> set;
};

TEST(SamplingOptions, Refused) {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const Refused cases[] = {
      {"repetition_penalty", "expected a number from 0.001 to 1000, found 0",
       [](auto& o) { o.repetition_penalty = 0; }},
      {"repetition_penalty", "found 1e-300", [](auto& o) { o.repetition_penalty = 1e-300; }},
      {"repetition_penalty", "found inf", [=](auto& o) { o.repetition_penalty = infinity; }},
      {"frequency_penalty", "expected a finite number, found nan",
       [=](auto& o) { o.frequency_penalty = nan; }},
      {"presence_penalty", "found inf", [=](auto& o) { o.presence_penalty = infinity; }},
      {"logit_bias", "expected token ids from 0 to 9, found 10",
       [](auto& o) {
         o.logit_bias = {{10, 1}};
       }},
      {"logit_bias", "found -inf",
       [=](auto& o) {
         o.logit_bias = {{1, -infinity}};
       }},
      {"no_repeat_ngram_size", "expected 0 or more tokens, found -1",
       [](auto& o) { o.no_repeat_ngram_size = -1; }},
      {"bad_words", "expected at least one token in each, found none",
       [](auto& o) {
         o.bad_words = {{1}, {}};
       }},
      {"bad_words", "found -1",
       [](auto& o) {
         o.bad_words = {{1, -1}};
       }},
      {"temperature", "expected a number of 0 or more, found -0.5",
       [](auto& o) { o.temperature = -0.5; }},
      {"temperature", "found nan", [=](auto& o) { o.temperature = nan; }},
      {"top_k", "expected 0 or more tokens, found -3", [](auto& o) { o.top_k = -3; }},
      {"top_p", "expected a number from 0 to 1, found 1.5", [](auto& o) { o.top_p = 1.5; }},
      {"min_p", "found -0.1", [](auto& o) { o.min_p = -0.1; }},
      {"typical_p", "found nan", [=](auto& o) { o.typical_p = nan; }},
  };
  for (const Refused& one : cases) {
    SamplingOptions options;
    one.set(options);
    try {
      check_sampling_options(options, 10);
      ADD_FAILURE() << one.param << ": no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_EQ(error.param(), one.param);
      EXPECT_NE(std::string(error.what()).find(one.message), std::string::npos) << error.what();
    }
  }
  check_sampling_options({}, 1);
}

}  // namespace
}  // namespace gptj
