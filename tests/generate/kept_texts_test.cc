// SPDX-License-Identifier: Apache-2.0
// What finished requests leave in the cache: when it is used, when it goes, and that no answer
// depends on it.
#include "generate/kept_texts.h"

#include <gtest/gtest.h>

#include "generate/conversations.h"

namespace gptj {
namespace {

using test::long_context_model;
using test::request_of;

using Ids = std::vector<TokenId>;

uint64_t bytes_of(uint64_t pages) { return pages * long_context_model().kv_cache_bytes(1); }

Ids ids_of(size_t length, TokenId step) {
  Ids ids(length);
  for (size_t i = 0; i < length; ++i) ids[i] = 1 + static_cast<TokenId>(i + 1) * step % 199;
  return ids;
}

// A scheduler, and what each request cost.
class Keeper {
 public:
  explicit Keeper(uint64_t pages)
      : scheduler_(long_context_model(),
                   {.kv_bytes = bytes_of(pages), .keep = SchedulerOptions::Keep::kAll}) {}

  // Returns the completion, which must be that of complete().
  Completion run(const Request& request) {
    const int64_t before = scheduler_.rows();
    Completion completion =
        run_alone(scheduler_, make_task(long_context_model(), request), CancelToken());
    rows_ = scheduler_.rows() - before;
    EXPECT_EQ(
        completion_json(long_context_model(), request, completion),
        completion_json(long_context_model(), request, complete(long_context_model(), request)));
    return completion;
  }
  // Rows that the last request computed.
  int64_t rows() const { return rows_; }
  GeneratorStats stats() const { return scheduler_.stats(); }

 private:
  Scheduler scheduler_;
  int64_t rows_ = 0;
};

Request request(const Ids& ids, int64_t max_tokens = 3) {
  Request request = request_of(ids, max_tokens);
  request.ignore_eos = true;
  request.speculate = false;
  return request;
}

TEST(KeptTexts, ATurnComputesOnlyWhatIsNew) {
  Keeper keeper(100);
  Ids text = ids_of(150, 7);
  for (int turn = 0; turn < 5; ++turn) {
    const Completion completion = keeper.run(request(text));
    // The last token of a text is never computed in its own turn.
    const int64_t fresh = turn == 0 ? 150 : 11;
    EXPECT_EQ(keeper.rows(), fresh + 2) << turn;
    EXPECT_EQ(completion.usage.cached_prompt_tokens, completion.usage.prompt_tokens - fresh)
        << turn;
    const Ids& made = completion.choices[0].token_ids;
    text.insert(text.end(), made.begin(), made.end());
    text.insert(text.end(), 10, 5);
  }
}

TEST(KeptTexts, TheLastTokenOfAPromptIsAlwaysComputed) {
  Keeper keeper(100);
  keeper.run(request(ids_of(130, 7)));
  keeper.run(request(ids_of(130, 7)));
  EXPECT_EQ(keeper.rows(), 1 + 2);
}

TEST(KeptTexts, WhatCannotBeSharedIsComputed) {
  Keeper keeper(100);
  keeper.run(request(ids_of(130, 7)));
  Request scored = request(ids_of(130, 7));
  scored.echo = true;
  scored.logprobs = 0;
  keeper.run(scored);
  EXPECT_EQ(keeper.rows(), 132);
  Request bidirectional = request(ids_of(130, 7));
  bidirectional.prefix_lm = true;
  keeper.run(bidirectional);
  EXPECT_EQ(keeper.rows(), 132);
  // Nor does a bidirectional prompt leave anything.
  Request other = request(ids_of(90, 11));
  other.prefix_lm = true;
  keeper.run(other);
  keeper.run(request(ids_of(90, 11)));
  EXPECT_EQ(keeper.rows(), 92);
}

TEST(KeptTexts, SlidingTextsStayExact) {
  Keeper keeper(200);
  Ids text = ids_of(2040, 3);
  for (int turn = 0; turn < 4; ++turn) {
    Request sliding = request(text, 20);
    sliding.overflow = Overflow::kSlide;
    const Completion completion = keeper.run(sliding);
    const Ids& made = completion.choices[0].token_ids;
    text.insert(text.end(), made.begin(), made.end());
  }
}

// Texts of three pages each in a cache of seven: the page that was not used for the longest time
// goes first, one by one.
TEST(KeptTexts, LeastRecentlyUsedPagesGoFirst) {
  Keeper keeper(7);
  const Request a = request(ids_of(190, 7)), b = request(ids_of(190, 11));
  keeper.run(a);
  keeper.run(b);
  EXPECT_EQ(keeper.stats().pages_kept, 6);
  keeper.run(a);  // used last now
  EXPECT_EQ(keeper.rows(), 1 + 2);
  keeper.run(request(ids_of(120, 13)));  // needs two pages: one is free, and b loses its third
  EXPECT_EQ(keeper.stats().pages_kept, 7);
  keeper.run(b);
  EXPECT_EQ(keeper.rows(), (190 - 128) + 2);
  EXPECT_LE(keeper.stats().pages_in_use, 7);
}

TEST(KeptTexts, NothingIsKeptBeyondTheMemory) {
  Keeper keeper(0);  // a request still runs alone
  keeper.run(request(ids_of(130, 7)));
  EXPECT_EQ(keeper.stats().pages_in_use, 0);
}

TEST(KeptTexts, ForksShareTheirPages) {
  Keeper keeper(100);
  Request samples = request(ids_of(128, 7), 4);
  samples.temperature = 1;
  samples.n = 5;
  const Completion completion = keeper.run(samples);
  EXPECT_EQ(keeper.stats().pages_kept, 2 + 5);
  for (const Choice& choice : completion.choices) {
    Ids text = ids_of(128, 7);
    text.insert(text.end(), choice.token_ids.begin(), choice.token_ids.end());
    keeper.run(request(text, 1));
    EXPECT_LE(keeper.rows(), 1) << "each sample can be gone on from";
  }
}

TEST(KeptTexts, ALongerTextTakesThePlaceOfItsBeginning) {
  const Model& model = long_context_model();
  Decoder decoder(model);
  KeptTexts kept(decoder);
  const Ids ids = ids_of(100, 7);
  const SequenceId sequence = decoder.cache().add();
  std::vector<Row> rows;
  for (size_t i = 0; i < ids.size(); ++i) {
    rows.push_back({ids[i], sequence, static_cast<int64_t>(i)});
  }
  decoder.forward(rows, {});
  kept.add(sequence, std::span(ids).first(70));
  kept.add(sequence, ids);
  EXPECT_EQ(decoder.cache().sequences(), 2u);
  kept.add(sequence, std::span(ids).first(80));
  EXPECT_EQ(decoder.cache().sequences(), 2u);
  EXPECT_EQ(kept.find(ids).length, 100u);
  EXPECT_TRUE(kept.drop_page());
  EXPECT_EQ(kept.find(ids).length, 64u);
  EXPECT_TRUE(kept.drop_page());
  EXPECT_FALSE(kept.drop_page());
  EXPECT_EQ(decoder.cache().sequences(), 1u);
}

TEST(KeptTexts, RandomConversationsAreAsIfComputedAnew) {
  int64_t taken = 0;
  for (uint64_t first = 0; first < 40; first += 5) {
    taken += test::talk(first, 5, 5, 8 + first / 2);
  }
  EXPECT_GT(taken, 1000);
}

// Those of a Generator, with its option off and on.
TEST(KeptTexts, TheOptionTurnsThemOff) {
  const Request r = request(ids_of(150, 7));
  for (const bool keep : {false, true}) {
    Generator generator(long_context_model(), {.kv_memory = bytes_of(20), .keep_prefixes = keep});
    generator.submit(r).get();
    EXPECT_EQ(generator.submit(r).get().usage.cached_prompt_tokens, keep ? 149 : 0);
    EXPECT_EQ(generator.stats().rows, keep ? 152 + 3 : 152 + 152);
  }
}

}  // namespace
}  // namespace gptj
