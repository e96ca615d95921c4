// SPDX-License-Identifier: Apache-2.0
// complete(): which tokens come, and when they end.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "generate/models.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/tiny_checkpoint.h"
#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

using test::expect_error;
using test::fairytale;
using test::fairytale_reference;
using test::golden_model;
using test::request_of;
using test::TempFolder;
using test::texts_of;

using Ids = std::vector<TokenId>;

// The greedy continuation of `prompt` as ids, past any end token.
Ids greedy_ids(const Model& model, const TextOrIds& prompt, int64_t count) {
  Request request = request_of(prompt, count);
  request.ignore_eos = true;
  return complete(model, request).choices[0].token_ids;
}

std::string bytes_of(const Ids& ids) { return fairytale().tokenizer()->decode(ids); }

bool starts_with(const Ids& ids, const Ids& prefix) {
  return ids.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), ids.begin());
}

TEST(Complete, GreedyTextIsHuggingFaces) {
  for (const auto& c : fairytale_reference().at("prompts")) {
    const Ids expected = c.at("greedy_ids");
    const std::string prompt = c.at("prompt");
    Request request = request_of(prompt, static_cast<int64_t>(expected.size()));
    request.ignore_eos = true;
    const Completion completion = complete(fairytale(), request);
    const Choice& choice = completion.choices.at(0);
    EXPECT_EQ(choice.token_ids, expected) << prompt;
    EXPECT_EQ(choice.text, c.at("greedy_text").get<std::string>());
    EXPECT_EQ(choice.finish_reason, FinishReason::kLength);
    EXPECT_EQ(completion.usage.prompt_tokens, c.at("n_tokens").get<int64_t>());
    EXPECT_EQ(completion.usage.completion_tokens, *request.max_tokens);
    EXPECT_EQ(completion.usage.total_tokens,
              completion.usage.prompt_tokens + completion.usage.completion_tokens);
    request.prompt = c.at("ids").get<Ids>();
    EXPECT_EQ(complete(fairytale(), request).choices.at(0).token_ids, expected) << "from ids";
  }
}

TEST(Complete, GreedyIdsOfAModelWithoutATokenizerAreHuggingFaces) {
  for (const test::GoldenCase& c : test::golden_cases("rotary-partial-f32")) {
    const auto count = static_cast<int64_t>(c.greedy_ids.size());
    EXPECT_EQ(greedy_ids(golden_model(), c.prompt_ids, count), c.greedy_ids);
  }
}

TEST(Complete, WithoutATokenizerTextIsNull) {
  const Completion completion = complete(golden_model(), request_of(Ids{1, 2, 3}, 4));
  EXPECT_EQ(completion.choices[0].text, std::nullopt);
  EXPECT_FALSE(completion.choices[0].token_ids.empty());
  Request empty = request_of("", 4);  // the bos token needs no tokenizer
  EXPECT_EQ(complete(golden_model(), empty).choices[0].token_ids,
            complete(golden_model(), request_of(Ids{0}, 4)).choices[0].token_ids);
}

TEST(Complete, TheSeedDecidesTheText) {
  Request request = request_of("Once upon a time", 24, 1);
  const auto text = texts_of(complete(fairytale(), request));
  EXPECT_EQ(texts_of(complete(fairytale(), request)), text);
  request.seed = 8;
  EXPECT_NE(texts_of(complete(fairytale(), request)), text);
}

TEST(Complete, ASeedThatWasDrawnIsReported) {
  Request request = request_of("Once upon a time", 16, 1);
  request.seed.reset();
  const Completion drawn = complete(fairytale(), request);
  EXPECT_GE(drawn.seed, 0);
  request.seed = drawn.seed;
  EXPECT_EQ(texts_of(complete(fairytale(), request)), texts_of(drawn));
}

// Sample i of many is the same as sample i of fewer: it depends on seed, index and position alone.
TEST(Complete, SamplesDoNotDependOnHowManyThereAre) {
  Request request = request_of("Once upon a time", 12, 1);
  request.n = 9;
  const auto all = texts_of(complete(fairytale(), request));
  EXPECT_GT(std::set(all.begin(), all.end()).size(), 5u);
  for (int64_t n = 1; n < 9; ++n) {
    request.n = n;
    const auto fewer = texts_of(complete(fairytale(), request));
    EXPECT_EQ(fewer, std::vector(all.begin(), all.begin() + n)) << n;
  }
}

TEST(Complete, GreedySamplesAreTheSingleRun) {
  Request request = request_of("The little girl", 16);
  const std::string one = texts_of(complete(fairytale(), request))[0];
  request.n = 4;
  EXPECT_EQ(texts_of(complete(fairytale(), request)), std::vector<std::string>(4, one));
}

TEST(Complete, BestOfRanksByMeanLogprob) {
  Request request = request_of("Once upon a time", 20, 1);
  request.logprobs = 0;
  request.n = 6;
  const Completion all = complete(fairytale(), request);
  std::vector<std::pair<double, std::string>> ranking;
  for (const Choice& choice : all.choices) {
    double sum = 0;
    for (const LogprobEntry& entry : choice.logprobs) sum += *entry.logprob;
    ranking.emplace_back(-sum / static_cast<double>(choice.logprobs.size()), *choice.text);
  }
  std::stable_sort(ranking.begin(), ranking.end());
  request.n = 2;
  request.best_of = 6;
  const Completion best = complete(fairytale(), request);
  EXPECT_EQ(texts_of(best), (std::vector{ranking[0].second, ranking[1].second}));
  EXPECT_EQ(best.choices[0].index, 0);
  EXPECT_EQ(best.choices[1].index, 1);
  EXPECT_EQ(best.usage.completion_tokens, all.usage.completion_tokens);
}

// For each token border of a greedy text: the shortest stop around it that occurs nowhere before.
TEST(Complete, StopStringsMatchAcrossTokenBorders) {
  const std::string prompt = "Once upon a time";
  const Ids ids = greedy_ids(fairytale(), prompt, 24);
  const std::string text = bytes_of(ids);
  size_t tested = 0;
  for (size_t k = 4; k < 20; ++k) {
    const size_t border = bytes_of({ids.begin(), ids.begin() + static_cast<long>(k)}).size();
    size_t begin = border - 1;
    const size_t end = border + 1;
    while (text.find(text.substr(begin, end - begin)) != begin) --begin;
    Request request = request_of(prompt, 24);
    request.stop = {"never in the text", text.substr(begin, end - begin)};
    std::string streamed;
    request.on_token = [&](const TokenEvent& event) {
      streamed += event.text;
      return Progress::kContinue;
    };
    const Choice choice = complete(fairytale(), request).choices[0];
    EXPECT_EQ(choice.text, to_valid_utf8(text.substr(0, begin))) << request.stop[1];
    EXPECT_EQ(streamed, choice.text);
    EXPECT_EQ(choice.token_ids, Ids(ids.begin(), ids.begin() + static_cast<long>(k) + 1));
    EXPECT_EQ(choice.finish_reason, FinishReason::kStop);
    ++tested;
  }
  EXPECT_EQ(tested, 16u);
}

TEST(Complete, AStopStringBeginsInGeneratedText) {
  const std::string prompt = "Once upon a time";
  const std::string text = bytes_of(greedy_ids(fairytale(), prompt, 12));
  Request request = request_of(prompt, 12);
  request.echo = true;
  request.stop = {"upon", "time" + text.substr(0, 1)};
  EXPECT_EQ(complete(fairytale(), request).choices[0].text, prompt + text);
}

TEST(Complete, StopStringsWaitForMinTokens) {
  const std::string prompt = "Once upon a time";
  const Ids ids = greedy_ids(fairytale(), prompt, 12);
  const std::string text = bytes_of(ids);
  Request request = request_of(prompt, 12);
  request.stop = {bytes_of({ids[0]})};
  EXPECT_EQ(complete(fairytale(), request).choices[0].token_ids.size(), 1u);
  request.min_tokens = 3;
  const Choice choice = complete(fairytale(), request).choices[0];
  EXPECT_GE(choice.token_ids.size(), 3u);
  EXPECT_TRUE(starts_with(ids, choice.token_ids));
}

// A bias makes the end token certain.
TEST(Complete, TheEndTokenEnds) {
  const TokenId end = fairytale().config().eos_token_ids.at(0);
  Request request = request_of("Once upon a time", 6);
  request.logit_bias = {{end, 100}};
  request.logprobs = 1;
  const Choice ended = complete(fairytale(), request).choices[0];
  EXPECT_EQ(ended.token_ids, Ids{end});
  EXPECT_EQ(ended.text, "");
  EXPECT_EQ(ended.logprobs.size(), 1u);
  EXPECT_EQ(ended.finish_reason, FinishReason::kStop);

  request.min_tokens = 4;
  const Choice later = complete(fairytale(), request).choices[0];
  ASSERT_EQ(later.token_ids.size(), 5u);
  EXPECT_EQ(std::count(later.token_ids.begin(), later.token_ids.end(), end), 1);
  EXPECT_EQ(later.token_ids.back(), end);
  EXPECT_EQ(later.finish_reason, FinishReason::kStop);

  request.min_tokens = 0;
  request.ignore_eos = true;
  const Choice ignored = complete(fairytale(), request).choices[0];
  EXPECT_EQ(ignored.token_ids, Ids(6, end));
  EXPECT_EQ(ignored.finish_reason, FinishReason::kLength);
  EXPECT_EQ(ignored.text, bytes_of(Ids(6, end)));
}

TEST(Complete, AnEndTokenInThePromptEndsNothing) {
  const TokenId end = fairytale().config().eos_token_ids.at(0);
  const Ids ids = greedy_ids(fairytale(), Ids{341, end, 341}, 5);
  EXPECT_EQ(ids.size(), 5u);
}

TEST(Complete, BadWordsDoNotCome) {
  const std::string prompt = "Once upon a time";
  const Ids ids = greedy_ids(fairytale(), prompt, 12);
  Request by_ids = request_of(prompt, 12);
  by_ids.bad_words = {Ids{ids[0]}, Ids{ids[1], ids[2]}};
  const Ids found = complete(fairytale(), by_ids).choices[0].token_ids;
  EXPECT_EQ(std::count(found.begin(), found.end(), ids[0]), 0);
  const Ids pair = {ids[1], ids[2]};
  EXPECT_EQ(std::search(found.begin(), found.end(), pair.begin(), pair.end()), found.end());

  Request by_text = request_of(prompt, 12);
  by_text.bad_words = {bytes_of({ids[0]}), bytes_of(pair)};
  ASSERT_EQ(fairytale().tokenizer()->encode(bytes_of(pair)), pair);
  EXPECT_EQ(complete(fairytale(), by_text).choices[0].token_ids, found);
}

// A word of a text begins with a space, which nobody types: vllm issue 23886.
TEST(Complete, ABadWordDoesNotComeBehindASpaceEither) {
  Request request = request_of("Once upon a time", 14);
  request.bad_words = std::vector<TextOrIds>{"king"};
  EXPECT_EQ(complete(fairytale(), request).choices[0].text,
            ", and the man who had been so much as a man, and");
}

TEST(Complete, LogitBiasForcesAndForbids) {
  Request request = request_of(Ids{1, 2, 3}, 5);
  request.logit_bias = {{42, 100}};
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids, Ids(5, 42));
  const TokenId first = greedy_ids(golden_model(), Ids{1, 2, 3}, 1)[0];
  request.logit_bias = {{first, -100}};
  EXPECT_NE(complete(golden_model(), request).choices[0].token_ids[0], first);
}

TEST(Complete, PenaltiesReachTheLogits) {
  const Ids plain = greedy_ids(golden_model(), Ids{1, 2, 3}, 40);
  Request request = request_of(Ids{1, 2, 3}, 40);
  request.ignore_eos = true;
  request.no_repeat_ngram_size = 1;
  Ids once = complete(golden_model(), request).choices[0].token_ids;
  std::sort(once.begin(), once.end());
  EXPECT_EQ(std::adjacent_find(once.begin(), once.end()), once.end());
  request.no_repeat_ngram_size.reset();
  request.presence_penalty = 2;
  request.frequency_penalty = 2;
  EXPECT_NE(complete(golden_model(), request).choices[0].token_ids, plain);
}

TEST(Complete, DefaultsOfTheModelApply) {
  const auto defaults = test::read_json(test::kFairytale + "/generation_config.json");
  ASSERT_TRUE(defaults.at("do_sample").get<bool>());
  Request request = request_of("Once upon a time", 24, defaults.at("temperature"));
  request.top_p = defaults.at("top_p").get<double>();
  const auto sampled = texts_of(complete(fairytale(), request));
  request.temperature.reset();
  request.top_p.reset();
  EXPECT_EQ(texts_of(complete(fairytale(), request)), sampled);
  request.temperature = 0;
  const auto greedy = texts_of(complete(fairytale(), request));
  EXPECT_NE(greedy, sampled);
  EXPECT_EQ(greedy[0], bytes_of(greedy_ids(fairytale(), "Once upon a time", 24)));
}

TEST(Complete, ASamplingOptionWhereTheDefaultIsGreedySamplesAtOne) {
  const auto ids = [](const Request& request) {
    return complete(golden_model(), request).choices[0].token_ids;
  };
  Request request = request_of(Ids{1, 2, 3}, 24, 1);
  request.ignore_eos = true;
  Request unset = request;
  unset.temperature.reset();
  Request greedy = request;
  greedy.temperature = 0;
  EXPECT_EQ(ids(unset), ids(greedy));
  const auto with = [&](auto set) {
    Request asked = request, not_asked = unset;
    set(asked);
    set(not_asked);
    EXPECT_EQ(ids(asked), ids(not_asked));
    EXPECT_NE(ids(not_asked), ids(greedy));
  };
  with([](Request& r) { r.top_k = 50; });
  with([](Request& r) { r.top_p = 0.95; });
  with([](Request& r) { r.min_p = 0.01; });
  with([](Request& r) { r.typical_p = 0.95; });
  unset.repetition_penalty = 1.0;  // greedy has use for it
  EXPECT_EQ(ids(unset), ids(greedy));
}

TEST(Complete, TopKOneIsGreedy) {
  Request request = request_of("Once upon a time", 16, 1);
  request.top_k = 1;
  EXPECT_EQ(complete(fairytale(), request).choices[0].token_ids,
            complete(fairytale(), request_of("Once upon a time", 16)).choices[0].token_ids);
}

TEST(Complete, DefaultMaxTokensIsCutToFit) {
  Request request = request_of(Ids(golden_model().config().n_positions - 5, 9), 0);
  request.ignore_eos = true;
  request.max_tokens.reset();
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids.size(), 5u);
  request.prompt = Ids(golden_model().config().n_positions, 9);
  expect_error(
      ErrorCode::kContextLength, [&] { complete(golden_model(), request); },
      "prompt of 128 tokens: expected at most 127");
  request.prompt = Ids{341};
  EXPECT_EQ(complete(fairytale(), request).choices[0].token_ids.size(), 256u);
}

TEST(Complete, PastTheContextIsAnErrorWithTheCounts) {
  const auto run = [](size_t prompt, std::optional<int64_t> max_tokens) {
    Request request = request_of(Ids(prompt, 9), 0);
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    return complete(golden_model(), request).choices[0].token_ids.size();
  };
  EXPECT_EQ(run(100, 28), 28u);
  expect_error(
      ErrorCode::kContextLength, [&] { run(100, 29); }, "100", "29", "128", "truncate");
  expect_error(
      ErrorCode::kContextLength, [&] { run(129, {}); }, "129", "128");
  expect_error(
      ErrorCode::kContextLength, [&] { run(129, 0); }, "129", "128");
}

TEST(Complete, TruncateDropsTheOldestTokens) {
  Ids prompt;
  for (TokenId i = 0; i < 150; ++i) prompt.push_back(1 + i % 130);
  Request request = request_of(prompt, 28);
  request.ignore_eos = true;
  request.echo = true;
  request.overflow = Overflow::kTruncate;
  const Completion truncated = complete(golden_model(), request);
  request.prompt = Ids(prompt.end() - 100, prompt.end());
  request.overflow = Overflow::kError;
  const Completion expected = complete(golden_model(), request);
  EXPECT_EQ(truncated.choices[0].token_ids, expected.choices[0].token_ids);
  EXPECT_EQ(truncated.usage.prompt_tokens, 100);

  // A default makes room for the prompt's newest tokens too, however short the context.
  request.prompt = prompt;
  request.overflow = Overflow::kTruncate;
  request.max_tokens.reset();
  const Completion by_default = complete(golden_model(), request);
  EXPECT_EQ(by_default.usage.total_tokens, 128);
  EXPECT_GT(by_default.usage.prompt_tokens, 0);
  EXPECT_GT(by_default.usage.completion_tokens, 0);

  // The same room is there for a text whether the prompt just fits or just does not.
  request.prompt = Ids(64, 9);
  EXPECT_EQ(complete(golden_model(), request).usage.prompt_tokens, 64);
  request.prompt = Ids(100, 9);
  EXPECT_EQ(complete(golden_model(), request).usage.prompt_tokens, 64);
  request.max_tokens = 128;  // no room for any prompt
  expect_error(
      ErrorCode::kContextLength, [&] { complete(golden_model(), request); }, "128");
}

// A model of 301 ids with a tokenizer that names 262.
class UnnamedIds : public testing::Test {
 protected:
  UnnamedIds() {
    const std::string source = test::golden_path("rotary-full-odd-ffn-f16");
    for (const char* file : {"config.json", "model.safetensors"}) {
      std::filesystem::copy_file(source + "/" + file, folder_.path(file));
    }
    folder_.write("tokenizer.json", small_tokenizer_json().dump());
  }
  TempFolder folder_;
};

TEST_F(UnnamedIds, AreNeverSampledButInTheLogSoftmax) {
  const Model model = Model::load(folder_.path(), {.threads = 1});
  ASSERT_EQ(model.tokenizer()->size(), 262);
  Request request = request_of(Ids{1, 2, 3}, 100, 2);
  request.logit_bias = {{280, 100}, {300, 100}};
  request.ignore_eos = true;
  request.logprobs = 20;
  const Choice choice = complete(model, request).choices[0];
  bool ranked = false;
  for (size_t i = 0; i < choice.token_ids.size(); ++i) {
    EXPECT_LT(choice.token_ids[i], 262);
    for (const TokenLogprob& t : choice.logprobs[i].top) ranked |= t.id >= 262;
  }
  EXPECT_TRUE(ranked);
  request.temperature = 0;
  const Completion completion = complete(model, request);
  for (const TokenId id : completion.choices[0].token_ids) EXPECT_LT(id, 262);
  EXPECT_NE(completion_json(model, request, completion).find("\"token_id:2"), std::string::npos);

  std::filesystem::remove(folder_.path("tokenizer.json"));
  const Model without = Model::load(folder_.path(), {.threads = 1});
  EXPECT_GE(complete(without, request).choices[0].token_ids[0], 262);
}

TEST(Complete, ALogitThatIsNotFiniteNamesThePosition) {
  TempFolder folder;
  test::TinyCheckpoint checkpoint(DType::kF32);
  std::string& embedding = checkpoint.tensor("transformer.wte.weight").bytes;
  for (size_t i = 5 * 16; i < 6 * 16; i += 4) embedding.replace(i, 4, "\0\0\xc0\x7f", 4);
  checkpoint.write(folder);
  const Model model = Model::load(folder.path(), {.threads = 1});
  EXPECT_NO_THROW(complete(model, request_of(Ids{1, 2, 3}, 1)));
  expect_error(
      ErrorCode::kNotFinite,
      [&] {
        complete(model, request_of(Ids{1, 2, 5}, 1));
      },
      "position 2");
  Request scoring = request_of(Ids{1, 5, 2}, 0);
  scoring.echo = true;
  scoring.logprobs = 0;
  expect_error(
      ErrorCode::kNotFinite, [&] { complete(model, scoring); }, "position 1");
}

TEST(Complete, WhatForbidsEveryTokenIsAnError) {
  Request request = request_of(Ids{1, 2, 3}, 2);
  std::vector<TextOrIds>& words = request.bad_words.emplace();
  for (TokenId id = 0; id < 131; ++id) words.emplace_back(Ids{id});
  request.on_logits = [](int64_t, std::span<const TokenId>, std::span<float> logits) {
    logits[0] = -std::numeric_limits<float>::infinity();  // the end token's own word is ignored
  };
  for (const double temperature : {0.0, 1.0}) {
    request.temperature = temperature;
    expect_error(
        ErrorCode::kInvalidArgument, [&] { complete(golden_model(), request); }, "token");
  }
}

TEST(Complete, OnLogitsChangesThemAfterThePenalties) {
  Request request = request_of(Ids{1, 2, 3}, 4);
  request.logit_bias = {{7, 100}};
  request.n = 2;
  std::vector<std::pair<int64_t, Ids>> calls;
  request.on_logits = [&](int64_t index, std::span<const TokenId> ids, std::span<float> logits) {
    EXPECT_EQ(logits.size(), 131u);
    EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), 7);
    calls.emplace_back(index, Ids(ids.begin(), ids.end()));
    logits[static_cast<size_t>(20 + index)] = 1000;
  };
  const Completion completion = complete(golden_model(), request);
  EXPECT_EQ(completion.choices[0].token_ids, Ids(4, 20));
  EXPECT_EQ(completion.choices[1].token_ids, Ids(4, 21));
  ASSERT_EQ(calls.size(), 8u);
  EXPECT_EQ(calls[0], (std::pair<int64_t, Ids>{0, {1, 2, 3}}));
  EXPECT_EQ(calls[7], (std::pair<int64_t, Ids>{1, {1, 2, 3, 21, 21, 21}}));
}

TEST(Complete, TheCallbackCancels) {
  Request request = request_of("Once upon a time", 50);
  request.n = 2;
  request.logprobs = 0;
  int64_t events = 0;
  request.on_token = [&](const TokenEvent&) {
    return ++events == 7 ? Progress::kCancel : Progress::kContinue;
  };
  const Completion completion = complete(fairytale(), request);
  EXPECT_EQ(events, 7 + 2);  // and the last event of each sample
  EXPECT_EQ(completion.usage.completion_tokens, 7);
  const Ids ids = greedy_ids(fairytale(), "Once upon a time", 4);
  EXPECT_EQ(completion.choices[0].token_ids, ids);
  EXPECT_EQ(completion.choices[1].token_ids, Ids(ids.begin(), ids.end() - 1));
  for (const Choice& choice : completion.choices) {
    EXPECT_EQ(choice.finish_reason, FinishReason::kCancelled);
    EXPECT_EQ(choice.text, bytes_of(choice.token_ids));
    EXPECT_EQ(choice.logprobs.size(), choice.token_ids.size());
  }
}

TEST(Complete, ACancelTokenCancelsFromAnotherThread) {
  const CancelToken token;
  Request request = request_of("Once upon a time", 500);
  request.ignore_eos = true;
  std::thread canceller;
  request.on_token = [&](const TokenEvent&) {
    if (!canceller.joinable()) canceller = std::thread([&] { token.cancel(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return Progress::kContinue;
  };
  const Completion completion = complete(fairytale(), request, token);
  canceller.join();
  EXPECT_EQ(completion.choices[0].finish_reason, FinishReason::kCancelled);
  EXPECT_FALSE(completion.choices[0].token_ids.empty());
  EXPECT_LT(completion.choices[0].token_ids.size(), 500u);
}

TEST(Complete, CancelledBeforeItBeginsReturnsThePrompt) {
  const CancelToken token;
  token.cancel();
  Request request = request_of("Once upon a time", 5);
  request.echo = true;
  request.logprobs = 2;
  const Choice choice = complete(fairytale(), request, token).choices[0];
  EXPECT_EQ(choice.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(choice.text, "Once upon a time");
  EXPECT_EQ(choice.logprobs.size(), choice.token_ids.size());
}

TEST(Complete, ManyThreadsMayShareAModel) {
  std::vector<std::string> texts(6);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < texts.size(); ++i) {
    threads.emplace_back([&, i] {
      Request request = request_of("Once upon a time", 10, 1);
      request.seed = static_cast<int64_t>(i / 2);
      texts[i] = *complete(fairytale(), request).choices[0].text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < texts.size(); ++i) {
    Request request = request_of("Once upon a time", 10, 1);
    request.seed = static_cast<int64_t>(i / 2);
    EXPECT_EQ(texts[i], *complete(fairytale(), request).choices[0].text);
  }
}

TEST(Complete, ThreadsAndInstructionSetsDoNotChangeTheJson) {
  Request request = request_of("Once upon a time", 10, 1);
  request.n = 3;
  request.echo = true;
  request.logprobs = 3;
  const auto json = [&](const LoadOptions& options) {
    const Model model = Model::load(test::kFairytale, options);
    return completion_json(model, request, complete(model, request));
  };
  for (const WeightType weights : kWeightTypes) {
    const std::string expected = json({.weights = weights, .threads = 1});
    for (size_t threads = 2; threads <= 4; ++threads) {
      EXPECT_EQ(json({.weights = weights, .threads = threads}), expected) << threads;
    }
    for (const std::string& isa : instruction_set_names()) {
      // Products of bf16 round as each instruction set does.
      const bool own_bits = weights == WeightType::kBF16;
      EXPECT_EQ(json({.weights = weights, .threads = 2, .isa = isa}),
                own_bits ? json({.weights = weights, .threads = 1, .isa = isa}) : expected)
          << isa;
    }
  }
}

}  // namespace
}  // namespace gptj
