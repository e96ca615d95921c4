// SPDX-License-Identifier: Apache-2.0
// Random conversations beside each other in a small cache, where something is dropped all the time.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "generate/models.h"
#include "generate/scheduler.h"

namespace gptj::test {

// 2048 positions, two layers: small, and many pages long.
inline const Model& long_context_model() {
  static const Model model = Model::load(golden_path("long-context-f16"), {.threads = 2});
  return model;
}

// A user who sends the whole text with every turn, goes back, retries and begins anew.
class RandomUser {
 public:
  explicit RandomUser(uint64_t number) : number_(number) {}

  Request next_turn() {
    ++turn_;
    const auto draw = [&](uint64_t what, uint64_t below) {
      return static_cast<size_t>(random_bits(number_, turn_, what) % below);
    };
    if (text_.empty() || draw(0, 8) == 0) {
      // One of three preambles, which other users begin with too.
      text_.clear();
      const size_t preamble = draw(1, 3), length = 20 + 50 * preamble;
      for (size_t i = 0; i < length; ++i) text_.push_back(id(random_bits(preamble, i, 1)));
    } else if (draw(2, 6) == 0) {
      text_.resize(1 + draw(3, text_.size()));  // back to an earlier point
    }
    const size_t more = 1 + draw(4, 40);
    for (size_t i = 0; i < more; ++i) text_.push_back(id(random_bits(number_, turn_, 100 + i)));
    Request request = request_of(text_, static_cast<int64_t>(draw(5, 12)), draw(6, 2) == 0 ? 0 : 1);
    request.seed = static_cast<int64_t>(draw(7, 1000));
    request.ignore_eos = true;
    switch (draw(8, 10)) {
      case 0: request.n = 3; break;
      case 1:
        request.temperature = 0;
        request.num_beams = 3;
        break;
      case 2:
        request.echo = true;
        request.logprobs = 1;
        break;
      case 3: request.prefix_lm = true; break;
      default: break;
    }
    return request;
  }
  void take(const Completion& completion, bool echoed) {
    if (echoed) text_.clear();
    const std::vector<TokenId>& ids = completion.choices[0].token_ids;
    text_.insert(text_.end(), ids.begin(), ids.end());
    if (text_.size() > 400) text_.clear();
  }

 private:
  static TokenId id(uint64_t bits) { return static_cast<TokenId>(1 + bits % 199); }

  uint64_t number_, turn_ = 0;
  std::vector<TokenId> text_;
};

// Runs users first .. first + users - 1, all of them beside each other, for `turns` turns each, in
// a cache of `pages` pages. Every answer must be that of complete(). Returns how many tokens of
// prompts were taken from kept texts.
inline int64_t talk(uint64_t first, size_t users, size_t turns, uint64_t pages) {
  const Model& model = long_context_model();
  const uint64_t page = model.kv_cache_bytes(1);
  Scheduler scheduler(model, {.kv_bytes = pages * page, .keep = SchedulerOptions::Keep::kAll});
  std::vector<RandomUser> people;
  for (size_t i = 0; i < users; ++i) people.emplace_back(first + i);
  for (size_t turn = 0; turn < turns; ++turn) {
    for (RandomUser& user : people) {
      const Request request = user.next_turn();
      scheduler.add(make_task(model, request), {}, [&user, &model, request](Outcome outcome) {
        ASSERT_FALSE(outcome.error);
        EXPECT_EQ(completion_json(model, request, outcome.completion),
                  completion_json(model, request, complete(model, request)));
        user.take(outcome.completion, request.echo);
      });
    }
    while (scheduler.step()) {
      const KvCache& cache = scheduler.decoder().cache();
      const size_t in_use = cache.held_pages() - cache.spare_pages();
      EXPECT_LE(in_use, std::max<size_t>(pages, scheduler.committed_pages()));
    }
  }
  return scheduler.stats().cached_prompt_tokens;
}

}  // namespace gptj::test
