// SPDX-License-Identifier: Apache-2.0
// Many requests together: the answers are those of each alone.
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "generate/mixed_requests.h"
#include "generate/models.h"
#include "support/expect_error.h"

namespace gptj {
namespace {

using test::expect_error;
using test::fairytale;
using test::mixed_request;
using test::request_of;
using test::request_of_json;

constexpr uint64_t kRequests = 40;

std::string answer_of(const Model& model, const Request& request, const Completion& completion) {
  return completion_json(model, request, completion);
}

std::vector<Request> mixed_requests() {
  std::vector<Request> requests;
  for (uint64_t i = 0; i < kRequests; ++i) {
    requests.push_back(request_of_json(mixed_request(i, i % 8 == 0 ? 200 : 40)));
  }
  return requests;
}

// By complete(), one after the other.
const std::vector<std::string>& answers_alone() {
  static const std::vector<std::string> answers = [] {
    std::vector<std::string> list;
    for (const Request& request : mixed_requests()) {
      list.push_back(answer_of(fairytale(), request, complete(fairytale(), request)));
    }
    return list;
  }();
  return answers;
}

enum class Order { kForwards, kBackwards };

// With memory for the widest of the requests and so many pages more.
void expect_answers(const Model& model, uint64_t more_pages, Order order = Order::kForwards) {
  const std::vector<Request> requests = mixed_requests();
  const uint64_t least = test::kv_bytes_of_widest(model, requests);
  Generator generator(model, {.kv_memory = least + more_pages * model.kv_cache_bytes(1)});
  std::vector<std::future<Completion>> futures(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const size_t next = order == Order::kForwards ? i : requests.size() - 1 - i;
    futures[next] = generator.submit(requests[next]);
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(answer_of(model, requests[i], futures[i].get()), answers_alone()[i]) << i;
  }
}

TEST(Generator, AnswersAreThoseOfEachAloneForAnyMemory) {
  // Nothing fits beside the widest; few do; all do.
  for (const uint64_t pages : {0, 4, 1000}) expect_answers(fairytale(), pages);
  expect_answers(fairytale(), 4, Order::kBackwards);
}

TEST(Generator, AnswersAreThoseOfEachAloneForAnyThreadsAndSets) {
  for (const size_t threads : {1, 3}) {
    for (const std::string& isa : instruction_set_names()) {
      if (isa == "portable" && threads > 1) continue;  // slow
      expect_answers(Model::load(test::kFairytale,
                                 {.weights = WeightType::kF32, .threads = threads, .isa = isa}),
                     1000);
    }
  }
}

TEST(Generator, GuessesChangeNothing) {
  const std::vector<Request> requests = mixed_requests();
  for (size_t i = 0; i < requests.size(); ++i) {
    Request request = requests[i];
    request.speculate = false;
    EXPECT_EQ(answer_of(fairytale(), request, complete(fairytale(), request)), answers_alone()[i]);
    // The caller's: the truth, now and then something else.
    const Completion plain = complete(fairytale(), request);
    const std::vector<TokenId> truth = plain.choices[0].token_ids;
    const auto prompt = request.echo ? 0 : static_cast<size_t>(plain.usage.prompt_tokens);
    request.speculate = true;
    request.on_guess = [&](std::span<const TokenId> ids, size_t most) {
      std::vector<TokenId> guess;
      for (size_t j = ids.size() - prompt; j < truth.size() && guess.size() < most; ++j) {
        guess.push_back(j % 7 == 5 ? 1 : truth[j]);
      }
      return guess;
    };
    EXPECT_EQ(answer_of(fairytale(), request, complete(fairytale(), request)), answers_alone()[i]);
  }
}

// Of many prompts in whole pages, in part pages, one within another.
TEST(Generator, SharedPrefixesChangeNothing) {
  // Of two templates, one after the other.
  std::vector<TokenId> commons[2];
  for (uint64_t which = 0; which < 2; ++which) {
    for (size_t i = 0; i < 200; ++i) commons[which].push_back(test::draw(77 + which, i, 400));
  }
  std::vector<Request> requests;
  for (const std::ptrdiff_t length : {200, 200, 130, 64, 65, 128, 20, 199}) {
    for (int64_t tail = 0; tail < 3; ++tail) {
      const std::vector<TokenId>& common = commons[requests.size() % 2];
      std::vector<TokenId> ids(common.begin(), common.begin() + length);
      ids.insert(ids.end(), static_cast<size_t>(tail) * 40, TokenId{5 + tail});
      Request request = request_of(ids, 10 + tail, tail == 1 ? 1 : 0);
      request.n = 1 + tail;
      if (length == 130) {
        request.logprobs = 0;
        request.echo = true;
      }
      if (length == 65) {
        request.temperature = 0;
        request.num_beams = 4;
      }
      requests.push_back(request);
    }
  }
  std::vector<std::string> alone;
  for (const Request& request : requests) {
    alone.push_back(answer_of(fairytale(), request, complete(fairytale(), request)));
  }
  const uint64_t page = fairytale().kv_cache_bytes(1);
  const uint64_t least = test::kv_bytes_of_widest(fairytale(), requests);
  for (const bool share : {true, false}) {
    for (const uint64_t pages : {0, 20, 1000}) {
      Generator generator(fairytale(),
                          {.kv_memory = least + pages * page, .share_prefixes = share});
      std::vector<std::future<Completion>> futures;
      for (const Request& request : requests) futures.push_back(generator.submit(request));
      for (size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(answer_of(fairytale(), requests[i], futures[i].get()), alone[i])
            << i << " share " << share << " pages " << pages;
      }
    }
  }
}

TEST(Generator, WrongRequestsAreRefusedWhenSubmitted) {
  Generator generator(fairytale());
  Request request = request_of("Once", 4);
  request.top_p = 2;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { generator.submit(request); }, "top_p");
}

TEST(Generator, WhatOneRequestThrowsIsItsAlone) {
  Generator generator(fairytale());
  Request bad = request_of("Once upon a time", 8);
  int tokens = 0;
  bad.on_token = [&](const TokenEvent&) -> Progress {
    if (++tokens == 3) throw std::runtime_error("the caller's own");
    return Progress::kContinue;
  };
  const Request good = request_of("The king", 30);
  std::future<Completion> a = generator.submit(bad), b = generator.submit(good);
  EXPECT_THROW(a.get(), std::runtime_error);
  EXPECT_EQ(answer_of(fairytale(), good, b.get()),
            answer_of(fairytale(), good, complete(fairytale(), good)));
}

TEST(Generator, NonsenseGuessesHarmNobody) {
  Generator generator(fairytale());
  Request wild = request_of("The king", 12), thrower = wild;
  wild.on_guess = [](std::span<const TokenId>, size_t most) {
    std::vector<TokenId> guess(most, -1);
    if (most > 1) guess[0] = 5;
    return guess;
  };
  thrower.on_guess = [](std::span<const TokenId>, size_t) -> std::vector<TokenId> {
    throw std::runtime_error("the caller's own");
  };
  const std::vector<TokenId> truth =
      complete(fairytale(), request_of("The king", 12)).choices[0].token_ids;
  std::future<Completion> a = generator.submit(wild), b = generator.submit(thrower);
  EXPECT_EQ(a.get().choices[0].token_ids, truth);
  EXPECT_THROW(b.get(), std::runtime_error);
}

TEST(Generator, OneRequestIsCancelledWhileOthersGoOn) {
  Generator generator(fairytale());
  const CancelToken cancel;
  Request endless = request_of("Once upon a time", 400);
  endless.ignore_eos = true;
  endless.on_token = [&](const TokenEvent&) {
    cancel.cancel();
    return Progress::kContinue;
  };
  const Request other = request_of("The king", 30);
  std::future<Completion> a = generator.submit(endless, cancel), b = generator.submit(other);
  const Completion cancelled = a.get();
  EXPECT_EQ(cancelled.choices[0].finish_reason, FinishReason::kCancelled);
  EXPECT_LT(cancelled.usage.completion_tokens, 400);
  EXPECT_EQ(b.get().choices[0].token_ids, complete(fairytale(), other).choices[0].token_ids);
}

TEST(Generator, DestroyingItCancelsWhatHasNotEnded) {
  std::vector<std::future<Completion>> futures;
  {
    Request request = request_of("Once upon a time", 400);
    request.ignore_eos = true;
    // All but one wait.
    Generator generator(fairytale(),
                        {.kv_memory = test::kv_bytes_of_widest(fairytale(), {request})});
    for (int i = 0; i < 4; ++i) futures.push_back(generator.submit(request));
  }
  for (std::future<Completion>& future : futures) {
    EXPECT_EQ(future.get().choices[0].finish_reason, FinishReason::kCancelled);
  }
}

// Neither cancelled nor the answer that was expected.
bool is_wrong(const Completion& completion, const std::vector<TokenId>& expected) {
  const Choice& choice = completion.choices[0];
  return choice.finish_reason != FinishReason::kCancelled && choice.token_ids != expected;
}

void on_four_threads(const std::function<void(int t)>& work) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
}

// Of one model, and so of one pool of threads.
TEST(Generator, ManyThreadsMakeAndDestroyThem) {
  const Request request = request_of("The king", 12);
  const std::vector<TokenId> expected = complete(fairytale(), request).choices[0].token_ids;
  std::atomic<int> wrong = 0;
  on_four_threads([&](int t) {
    std::vector<std::future<Completion>> futures;
    for (int i = 0; i < 4; ++i) {
      Generator generator(fairytale());
      const CancelToken cancel;
      futures.push_back(generator.submit(request));
      futures.push_back(generator.submit(request, cancel));
      if ((i + t) % 2 == 0) futures.front().wait();
      cancel.cancel();
    }
    for (std::future<Completion>& future : futures) {
      wrong += is_wrong(future.get(), expected);
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(Generator, TakesRequestsAndCancelsFromManyThreads) {
  Generator generator(fairytale());
  const Request request = request_of("The king", 12);
  const std::vector<TokenId> expected = complete(fairytale(), request).choices[0].token_ids;
  std::atomic<int> wrong = 0;
  on_four_threads([&](int t) {
    for (int i = 0; i < 6; ++i) {
      const CancelToken cancel;
      std::future<Completion> future = generator.submit(request, cancel);
      if ((i + t) % 3 == 0) cancel.cancel();
      wrong += is_wrong(future.get(), expected);
    }
  });
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace gptj
