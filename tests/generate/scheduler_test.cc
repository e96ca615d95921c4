// SPDX-License-Identifier: Apache-2.0
// How the scheduler spends rows and memory; that answers do not depend on it is generator_test's.
#include "generate/scheduler.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/memory.h"
#include "generate/models.h"
#include "support/expect_error.h"

namespace gptj {
namespace {

using test::fairytale;
using test::request_of;
using test::texts_of;

std::vector<TokenId> prompt(size_t common, size_t own, TokenId own_id) {
  std::vector<TokenId> ids(common);
  for (size_t i = 0; i < common; ++i) ids[i] = static_cast<TokenId>(i * 7 % 400);
  ids.insert(ids.end(), own, own_id);
  return ids;
}

struct Spent {
  int64_t rows = 0;
  size_t most_pages = 0;    // committed at once
  size_t most_running = 0;  // at once
};

Spent spend(const std::vector<Request>& requests, const SchedulerOptions& options) {
  Scheduler scheduler(fairytale(), options);
  size_t done = 0;
  for (const Request& request : requests) {
    scheduler.add(make_task(fairytale(), request), {}, [&](const Outcome& outcome) {
      EXPECT_FALSE(outcome.error);
      ++done;
    });
  }
  Spent result;
  while (scheduler.step()) {
    result.most_pages = std::max(result.most_pages, scheduler.committed_pages());
    result.most_running = std::max(result.most_running, scheduler.running());
  }
  EXPECT_EQ(done, requests.size());
  EXPECT_EQ(scheduler.decoder().cache().sequences(), 0u);  // and so no page
  result.rows = scheduler.rows();
  return result;
}

uint64_t bytes_of(uint64_t pages) { return pages * fairytale().kv_cache_bytes(1); }

// 8 prompts of 192 tokens in common and 30 of their own, 5 new tokens each.
std::vector<Request> alike() {
  std::vector<Request> requests;
  for (TokenId i = 0; i < 8; ++i) {
    Request request = request_of(prompt(192, 30, i), 5);
    request.ignore_eos = true;
    requests.push_back(request);
  }
  return requests;
}

TEST(Scheduler, CommonPrefixesAreComputedAndKeptOnce) {
  // The last new token is never computed.
  const Spent shared = spend(alike(), {.kv_bytes = bytes_of(1000)});
  EXPECT_EQ(shared.rows, 192 + 8 * (30 + 4));
  EXPECT_EQ(shared.most_pages, 3u + 8u);
  const Spent apart = spend(alike(), {.kv_bytes = bytes_of(1000), .share_prefixes = false});
  EXPECT_EQ(apart.rows, 8 * (192 + 30 + 4));
  EXPECT_EQ(apart.most_pages, 8u * 4u);
}

TEST(Scheduler, AnAnswerOfOneTokenSharesItsPromptToo) {
  std::vector<Request> requests = alike();
  for (Request& request : requests) request.max_tokens = 1;
  EXPECT_EQ(spend(requests, {.kv_bytes = bytes_of(1000)}).rows, 192 + 8 * 30);
}

TEST(Scheduler, HowManyRunFollowsTheMemory) {
  for (const uint64_t pages : {4, 9, 16, 31}) {
    const Spent apart = spend(alike(), {.kv_bytes = bytes_of(pages), .share_prefixes = false});
    EXPECT_EQ(apart.most_running, pages / 4);
    EXPECT_LE(apart.most_pages, pages);
  }
  const Spent shared = spend(alike(), {.kv_bytes = bytes_of(6)});
  EXPECT_EQ(shared.most_running, 3u);  // 3 pages in common, one each
  EXPECT_LE(shared.most_pages, 6u);
}

TEST(Scheduler, MemoryThatIsAskedForIsNeverMoreThanThereIs) {
  const uint64_t lots = uint64_t{1} << 60;
  EXPECT_EQ(kv_cache_budget(fairytale(), 1000), 1000u);
  EXPECT_LT(kv_cache_budget(fairytale(), lots), lots);
  EXPECT_LT(kv_cache_budget(fairytale(), 0), kv_cache_budget(fairytale(), lots));
  const Model limited = Model::load(GPTJ_SOURCE_DIR "/models/fairytale-8m", {.max_ram = 200 << 20});
  EXPECT_EQ(kv_cache_budget(limited, lots), (200 << 20) - limited.weight_bytes());
}

TEST(Scheduler, WhatFitsNowhereRunsAlone) {
  const Spent alone = spend(alike(), {.kv_bytes = 0});
  EXPECT_EQ(alone.most_running, 1u);
  EXPECT_EQ(alone.most_pages, 4u);
}

// Every kind of request that is wide, by the pages that it would come to need.
struct Wide {
  const char* field;
  size_t pages;
  void (*set)(Request& request);
};

TEST(Scheduler, WhatCanNeverFitIsRefusedWithTheFigure) {
  const Wide cases[] = {
      {"max_tokens", 4, [](Request&) {}},
      {"n", 3 + 7, [](Request& r) { r.n = 7, r.temperature = 1; }},
      {"best_of", 3 + 9, [](Request& r) { r.best_of = 9, r.temperature = 1; }},
      {"num_beams", 3 + 5, [](Request& r) { r.num_beams = 5; }},
      {"max_tokens", 16,
       [](Request& r) {
         r.overflow = Overflow::kSlide;
         r.max_tokens = 5000;
       }},
  };
  for (const auto& [field, pages, set] : cases) {
    Request request = request_of(prompt(192, 30, 3), 5);
    request.ignore_eos = true;
    set(request);
    // The last case takes a whole context.
    const size_t needed = request.overflow == Overflow::kSlide
                              ? static_cast<size_t>(fairytale().config().n_positions) / 64
                              : pages;
    Scheduler scheduler(fairytale(), {.most_bytes = bytes_of(needed) - 1});
    try {
      scheduler.add(make_task(fairytale(), request), {}, [](const Outcome&) { FAIL(); });
      ADD_FAILURE() << field << " was let in";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
      EXPECT_EQ(error.param(), field);
      EXPECT_EQ(std::string(error.what()),
                "the request: " + std::to_string(needed) + " pages of keys and values need " +
                    size_text(bytes_of(needed)) + ", found " + size_text(bytes_of(needed) - 1) +
                    " for them; lower " + field);
    }
    EXPECT_FALSE(scheduler.step());
    Scheduler fits(fairytale(), {.most_bytes = bytes_of(needed)});
    fits.add(make_task(fairytale(), request), {}, [](const Outcome&) {});
    EXPECT_EQ(fits.waiting(), 1u);
  }
}

Request too_wide() {
  Request request = request_of(prompt(0, 4, 3), 500, 1);
  request.best_of = 128;
  return request;
}

TEST(Scheduler, OneThatIsRefusedHarmsNoOther) {
  Generator generator(fairytale(), {.kv_memory = bytes_of(100)});
  std::future<Completion> before = generator.submit(request_of("Once", 3));
  test::expect_error(
      ErrorCode::kOutOfMemory, [&] { generator.submit(too_wide()); }, "found",
      "for them; lower best_of");
  std::future<Completion> after = generator.submit(request_of("Once", 3));
  EXPECT_EQ(texts_of(before.get()), texts_of(after.get()));
}

// What the machine or LoadOptions::max_ram has left is the limit where the caller names none.
TEST(Scheduler, AloneARequestMayTakeWhatIsLeft) {
  const Model limited = Model::load(GPTJ_SOURCE_DIR "/models/fairytale-8m", {.max_ram = 200 << 20});
  Request request = too_wide();
  test::expect_error(
      ErrorCode::kOutOfMemory, [&] { complete(limited, request); }, "lower best_of");
  Conversation conversation(limited);
  test::expect_error(
      ErrorCode::kOutOfMemory, [&] { conversation.complete(request); }, "lower best_of");
  EXPECT_EQ(conversation.complete(request_of("Once", 3)).choices.size(), 1u);
}

TEST(Scheduler, ASessionTakesNoMoreThanIsLeftEither) {
  const Model limited = Model::load(GPTJ_SOURCE_DIR "/models/fairytale-8m", {.max_ram = 200 << 20});
  const uint64_t left = (200 << 20) - limited.weight_bytes();
  const uint64_t fit = left / limited.kv_cache_bytes(1);
  Session session(limited);
  std::vector<SequenceId> sequences;
  const auto add = [&] {
    sequences.push_back(session.add_sequence());
    session.forward(std::vector<Row>{{.token = 1, .sequence = sequences.back()}}, {});
  };
  for (uint64_t i = 0; i < fit; ++i) add();
  test::expect_error(ErrorCode::kOutOfMemory, add, "session: ", "pages of keys and values need");
  EXPECT_EQ(session.length(sequences.back()), 0);
  session.remove(sequences.front());
  session.forward(std::vector<Row>{{.token = 1, .sequence = sequences.back()}}, {});
  EXPECT_EQ(session.length(sequences.back()), 1);
}

// Waiting beside others is not time spent on the prompt.
TEST(Scheduler, PromptSecondsBeginWithTheFirstRow) {
  Scheduler scheduler(fairytale(), {});
  const auto add = [&](Completion& completion) {
    scheduler.add(make_task(fairytale(), request_of("Once", 2)), {},
                  [&](Outcome outcome) { completion = std::move(outcome.completion); });
  };
  Completion first, second;
  add(first);
  add(second);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  while (scheduler.step()) {
  }
  EXPECT_GT(first.prompt_seconds, 0);
  EXPECT_LT(first.prompt_seconds, 1);
  EXPECT_LT(second.prompt_seconds, 1);
}

TEST(Scheduler, SamplesAndBeamsShareTheirPrompt) {
  Request samples = request_of(prompt(128, 10, 5), 20, 1);
  samples.n = 6;
  samples.ignore_eos = true;
  EXPECT_EQ(spend({samples}, {.kv_bytes = 0}).rows, 138 + 6 * 19);
  EXPECT_LE(spend({samples}, {.kv_bytes = 0}).most_pages, 2u + 6u);
  Request beams = request_of(prompt(128, 10, 5), 20);
  beams.num_beams = 5;
  beams.ignore_eos = true;
  EXPECT_EQ(spend({beams}, {.kv_bytes = 0}).rows, 138 + 5 * 19);
}

// A text that goes round in circles is guessed: the rows say so.
TEST(Scheduler, RightGuessesSaveSteps) {
  Request request = request_of(prompt(40, 0, 0), 60);
  request.ignore_eos = true;
  const std::vector<TokenId> truth = complete(fairytale(), request).choices[0].token_ids;
  request.on_guess = [&](std::span<const TokenId> ids, size_t most) {
    std::vector<TokenId> guess(truth.begin() + static_cast<std::ptrdiff_t>(ids.size()) - 40,
                               truth.end());
    guess.resize(std::min(most, guess.size()));
    return guess;
  };
  Scheduler scheduler(fairytale(), {});
  scheduler.add(make_task(fairytale(), request), {}, [&](const Outcome& outcome) {
    EXPECT_EQ(outcome.completion.choices[0].token_ids, truth);
  });
  int steps = 0;
  while (scheduler.step()) ++steps;
  EXPECT_LT(steps, 30);
  EXPECT_EQ(scheduler.rows(), 40 + 59);  // none was computed in vain
}

}  // namespace
}  // namespace gptj
