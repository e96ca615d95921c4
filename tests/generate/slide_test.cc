// SPDX-License-Identifier: Apache-2.0
// Texts longer than the context: what comes after `length` tokens follows from those in the window
// alone, whatever was computed when, and with whom.
#include <gtest/gtest.h>

#include "generate/mixed_requests.h"
#include "generate/models.h"
#include "generate/scheduler.h"
#include "generate/window.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::expect_error;
using test::golden_model;
using test::request_of;

using Ids = std::vector<TokenId>;
constexpr size_t kContext = 128;  // of golden_model()

Ids random_ids(size_t n, uint64_t seed) {
  Ids ids(n);
  for (size_t i = 0; i < n; ++i) ids[i] = 1 + test::draw(seed, i, 130);
  return ids;
}

Request sliding(Ids prompt, int64_t max_tokens, double temperature = 0) {
  Request request = request_of(std::move(prompt), max_tokens, temperature);
  request.overflow = Overflow::kSlide;
  request.ignore_eos = true;
  return request;
}

Ids window_of(const Ids& text, size_t length) {
  const auto begin = static_cast<std::ptrdiff_t>(window_begin(length, kContext));
  return {text.begin() + begin, text.begin() + static_cast<std::ptrdiff_t>(length)};
}

std::string answer(const Request& request, const Completion& completion) {
  return completion_json(golden_model(), request, completion);
}

std::string answer_alone(const Request& request) {
  return answer(request, complete(golden_model(), request));
}

TEST(Window, DropsTheOlderHalfWheneverTheContextIsFull) {
  for (const size_t context : {1, 2, 7, 8, 2048}) {
    size_t begin = 0;
    for (size_t length = 0; length < 3 * context + 5; ++length) {
      if (length - begin > context) begin += std::max<size_t>(context / 2, 1);
      EXPECT_EQ(window_begin(length, context), begin) << length << " of " << context;
    }
  }
}

TEST(Slide, EachTokenFollowsFromItsWindow) {
  for (const size_t prompt : {1, 100, 128, 129, 400}) {
    Ids text = random_ids(prompt, 3);
    const Ids made = complete(golden_model(), sliding(text, 300)).choices[0].token_ids;
    ASSERT_EQ(made.size(), 300u);
    for (const TokenId id : made) {
      Request next = request_of(window_of(text, text.size()), 1);
      next.ignore_eos = true;
      // At the very end of the context one more token does not fit without sliding.
      next.overflow = Overflow::kSlide;
      EXPECT_EQ(complete(golden_model(), next).choices[0].token_ids, Ids{id}) << text.size();
      text.push_back(id);
    }
  }
}

TEST(Slide, LongPromptsAreScoredWindowByWindow) {
  const Ids text = random_ids(500, 4);
  Request request = sliding(text, 0);
  request.echo = true;
  request.logprobs = 2;
  const Completion scored = complete(golden_model(), request);
  ASSERT_EQ(scored.choices[0].logprobs.size(), text.size());
  EXPECT_EQ(scored.choices[0].token_ids, text);
  EXPECT_EQ(scored.usage.prompt_tokens, 500);
  for (const size_t length : {1, 64, 127, 128, 129, 192, 193, 300, 499}) {
    Request alone = sliding(window_of(text, length), 1);
    alone.logit_bias = {{text[length], 100}};
    alone.logprobs = 2;
    const LogprobEntry expected = complete(golden_model(), alone).choices[0].logprobs[0];
    EXPECT_EQ(scored.choices[0].logprobs[length].logprob, expected.logprob) << length;
  }
}

TEST(Slide, WhatFitsIsLeftAlone) {
  Request request = request_of(random_ids(100, 5), 28, 1);
  const std::string expected = answer_alone(request);
  request.overflow = Overflow::kSlide;
  EXPECT_EQ(answer_alone(request), expected);
}

TEST(Slide, CompanyAndGuessesChangeNothing) {
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 8; ++i) {
    const auto n = static_cast<size_t>(test::draw(i, 0, 300));
    // Some repeat themselves, which is guessed.
    Ids prompt = random_ids(1 + n, i % 3 == 0 ? 1 : i);
    if (i % 4 == 1) prompt.insert(prompt.end(), prompt.begin(), prompt.end());
    Request request = sliding(prompt, 150 + test::draw(i, 1, 150), i % 2 == 0 ? 0 : 0.3);
    request.n = 1 + test::draw(i, 2, 3);
    if (i % 5 == 2) request.repetition_penalty = 1.3;
    requests.push_back(request);
  }
  std::vector<std::string> alone;
  for (Request request : requests) {
    request.speculate = false;
    alone.push_back(answer_alone(request));
  }
  const uint64_t page = golden_model().kv_cache_bytes(1);
  const uint64_t least = test::kv_bytes_of_widest(golden_model(), requests);
  for (const uint64_t pages : {0, 7, 1000}) {
    Generator generator(golden_model(), {.kv_memory = least + pages * page});
    std::vector<std::future<Completion>> futures;
    for (const Request& request : requests) futures.push_back(generator.submit(request));
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(answer(requests[i], futures[i].get()), alone[i]) << i << " of " << pages;
    }
  }
}

TEST(Slide, HoldsNoMoreThanAContext) {
  Request request = sliding(random_ids(1000, 6), 500);
  request.speculate = false;
  Scheduler scheduler(golden_model(), {});
  scheduler.add(make_task(golden_model(), request), {},
                [](const Outcome& outcome) { EXPECT_FALSE(outcome.error); });
  while (scheduler.step()) EXPECT_LE(scheduler.committed_pages(), kContext / 64);
  // The last window of the prompt, all new tokens but the last, and in each of 8 slides 64 anew.
  EXPECT_EQ(scheduler.rows(), 104 + 499 + 8 * 64);
}

// A conversation in a context, sliding: as if each turn were computed from its window, and as if it
// were saved and loaded again before each.
TEST(Slide, AConversationGoesOnInItsContext) {
  const test::TempFolder folder;
  Conversation conversation(golden_model());
  Ids ids;
  for (uint64_t turn = 0; turn < 12; ++turn) {
    const Ids more = random_ids(17 + turn, 20 + turn);
    ids.insert(ids.end(), more.begin(), more.end());
    const Request request = sliding(ids, 30, turn % 2 == 0 ? 0 : 1);
    const Completion completion = conversation.complete(request);
    EXPECT_EQ(answer(request, completion), answer_alone(request)) << turn;
    const Ids& made = completion.choices[0].token_ids;
    ids.insert(ids.end(), made.begin(), made.end());
    // What is kept is the window, but for the last token.
    const Ids kept(conversation.ids().begin(), conversation.ids().end());
    EXPECT_EQ(kept, window_of(ids, ids.size() - 1)) << turn;
    conversation.save(folder.path("session"));
    conversation = Conversation::load(golden_model(), folder.path("session"));
    const Ids loaded(conversation.ids().begin(), conversation.ids().end());
    EXPECT_EQ(loaded, kept);
  }
}

TEST(Slide, BeamsDoNotSlide) {
  Request request = sliding(random_ids(100, 7), 28);
  request.num_beams = 2;
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids.size(), 28u);
  request.max_tokens = 29;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { complete(golden_model(), request); }, "overflow",
      "num_beams");
}

}  // namespace
}  // namespace gptj
