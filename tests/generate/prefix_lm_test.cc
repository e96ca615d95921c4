// SPDX-License-Identifier: Apache-2.0
// Bidirectional prompts: that they are what an independent program computes is
// tests/tools/prefix_lm_test.py's.
#include <gtest/gtest.h>

#include "generate/mixed_requests.h"
#include "generate/models.h"
#include "support/expect_error.h"

namespace gptj {
namespace {

using test::expect_error;
using test::fairytale;
using test::request_of;

std::vector<TokenId> random_ids(size_t n, uint64_t seed) {
  std::vector<TokenId> ids(n);
  for (size_t i = 0; i < n; ++i) ids[i] = test::draw(seed, i, 400);
  return ids;
}

Request bidirectional(size_t prompt, uint64_t seed, int64_t max_tokens) {
  Request request = request_of(random_ids(prompt, seed), max_tokens, seed % 2 == 0 ? 0 : 1);
  request.prefix_lm = true;
  return request;
}

std::string answer(const Model& model, const Request& request) {
  return completion_json(model, request, complete(model, request));
}

TEST(PrefixLm, OneTokenSeesItselfEitherWay) {
  Request request = bidirectional(1, 1, 20);
  const std::string expected = answer(fairytale(), request);
  request.prefix_lm = false;
  EXPECT_EQ(answer(fairytale(), request), expected);
}

TEST(PrefixLm, CompanyThreadsAndSetsChangeNothing) {
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 10; ++i) {
    // Two prompts are the same, and longer than a step or a chunk of rows.
    requests.push_back(bidirectional(i < 2 ? 480 : 1 + i * 31, i < 2 ? 9 : i, 12));
    requests.back().n = 1 + static_cast<int64_t>(i % 3);
    // Causal ones, that begin like the one before them.
    requests.push_back(requests.back());
    requests.back().prefix_lm = false;
  }
  requests[6].temperature = 0;
  requests[6].n = 2;
  requests[6].num_beams = 3;
  std::vector<std::string> alone;
  for (const Request& request : requests) alone.push_back(answer(fairytale(), request));
  EXPECT_NE(alone[0], alone[1]);
  for (const std::string& isa : instruction_set_names()) {
    if (isa == "portable") continue;  // slow
    const Model model =
        Model::load(test::kFairytale, {.weights = WeightType::kF32, .threads = 3, .isa = isa});
    const uint64_t least = test::kv_bytes_of_widest(model, requests);
    for (const uint64_t pages : {0, 1000}) {
      Generator generator(model, {.kv_memory = least + pages * model.kv_cache_bytes(1)});
      std::vector<std::future<Completion>> futures;
      for (const Request& request : requests) futures.push_back(generator.submit(request));
      for (size_t i = 0; i < requests.size(); ++i) {
        EXPECT_EQ(completion_json(model, requests[i], futures[i].get()), alone[i]) << isa << i;
      }
    }
  }
}

TEST(PrefixLm, NothingOfItIsKeptForCausalRequests) {
  Conversation conversation(fairytale());
  Request request = bidirectional(200, 3, 5);
  EXPECT_EQ(conversation.complete(request).choices[0].token_ids,
            complete(fairytale(), request).choices[0].token_ids);
  EXPECT_TRUE(conversation.ids().empty());
  request.prefix_lm = false;
  EXPECT_EQ(conversation.complete(request).choices[0].token_ids,
            complete(fairytale(), request).choices[0].token_ids);
  request.prefix_lm = true;
  EXPECT_EQ(conversation.complete(request).choices[0].token_ids,
            complete(fairytale(), request).choices[0].token_ids);
}

TEST(PrefixLm, RefusesWhatItCannotMean) {
  Request request = bidirectional(500, 3, 20);
  request.overflow = Overflow::kSlide;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { complete(fairytale(), request); }, "prefix_lm",
      "does not slide");
  request.overflow = Overflow::kTruncate;
  EXPECT_EQ(complete(fairytale(), request).usage.prompt_tokens, 492);
  request.echo = true;
  request.logprobs = 1;
  expect_error(
      ErrorCode::kInvalidArgument, [&] { complete(fairytale(), request); }, "prefix_lm");
}

TEST(PrefixLm, RowsThatDoNotMakeAPromptAreRefused) {
  Session session(fairytale());
  const SequenceId s = session.add_sequence(), other = session.add_sequence();
  const auto sink = [](size_t, std::span<const float>) {};
  const auto row = [&](int64_t position, int64_t prefix, SequenceId sequence) {
    return Row{1, sequence, position, false, prefix};
  };
  const std::vector<std::vector<Row>> wrong = {
      {row(0, 3, s), row(1, 3, s)},
      {row(0, 2, s), row(1, 3, s), row(2, 3, s)},
      {row(0, 2, s), row(0, 0, other), row(1, 2, s)},
      {row(0, 0, s), row(1, 2, s)},
      {row(0, -1, s)},
      {row(0, 1, s), row(1, 1, s)},
  };
  for (const auto& rows : wrong) {
    expect_error(
        ErrorCode::kInvalidArgument, [&] { session.forward(rows, sink); }, "bidirectional");
  }
  session.forward(std::vector{row(0, 2, s), row(1, 2, s), row(2, 0, s), row(0, 0, other)}, sink);
  EXPECT_EQ(session.length(s), 3);
}

}  // namespace
}  // namespace gptj
