// SPDX-License-Identifier: Apache-2.0
// Windows, strides and errors; the held-out text as a whole is in perplexity_long_test.cc.
#include <gtest/gtest.h>

#include <cmath>

#include "generate/models.h"
#include "gptj/evaluate.h"
#include "support/expect_error.h"

namespace gptj {
namespace {

using test::expect_error;
using test::golden_model;

using Ids = std::vector<TokenId>;

double log_softmax(std::span<const float> logits, TokenId id) {
  double sum = 0;
  for (const float v : logits) sum += std::exp(double{v} - logits[0]);
  return double{logits[static_cast<size_t>(id)]} - logits[0] - std::log(sum);
}

Ids some_ids(size_t n) {
  Ids ids;
  for (size_t i = 0; i < n; ++i) ids.push_back(static_cast<TokenId>((i * i * 7 + i) % 131));
  return ids;
}

struct Scored {
  double nll = 0;
  int64_t tokens = 0;
};

// The rules as the design states them, one token at a time.
Scored expected(const Ids& ids, size_t window, size_t stride) {
  Scored scored;
  size_t done = 0;
  for (size_t begin = 0; done < ids.size(); begin += stride) {
    const size_t end = std::min(ids.size(), begin + window);
    const auto logits = test::logits_of(golden_model(), {ids.begin() + static_cast<long>(begin),
                                                         ids.begin() + static_cast<long>(end)});
    for (size_t i = std::max(done, begin + 1); i < end; ++i) {
      scored.nll -= log_softmax(logits[i - 1 - begin], ids[i]);
      ++scored.tokens;
    }
    done = end;
  }
  return scored;
}

TEST(Perplexity, WindowAndStride) {
  struct Case {
    size_t size;
    int64_t window, stride, window_used, stride_used;
  };
  const Case cases[] = {
      {300, 0, 0, 128, 128}, {300, 64, 0, 64, 64},    {300, 0, 32, 128, 32},
      {300, 50, 20, 50, 20}, {257, 128, 0, 128, 128},  // one token in the last window
      {128, 0, 0, 128, 128}, {129, 0, 1, 128, 1},     {2, 0, 0, 128, 128},
      {9, 2, 0, 2, 2},       {9, 2, 1, 2, 1},         {60, 50, 50, 50, 50},
  };
  for (const Case& c : cases) {
    const Ids ids = some_ids(c.size);
    const Perplexity found =
        perplexity(golden_model(), ids, {.window = c.window, .stride = c.stride});
    EXPECT_EQ(found.window, c.window_used);
    EXPECT_EQ(found.stride, c.stride_used);
    const Scored right =
        expected(ids, static_cast<size_t>(c.window_used), static_cast<size_t>(c.stride_used));
    EXPECT_EQ(found.tokens, right.tokens) << c.size << ' ' << c.window << ' ' << c.stride;
    // Each logprob is off by one rounding per logit at most: see generate/scoring_test.cc.
    const double mean = right.nll / static_cast<double>(right.tokens);
    EXPECT_NEAR(found.mean_nll, mean, 135 * 0x1p-24 + mean * 0x1p-24);
    EXPECT_NEAR(found.perplexity, std::exp(found.mean_nll), 1e-12 * found.perplexity);
  }
}

TEST(Perplexity, EveryTokenButTheFirstIsScoredOnceWithAStride) {
  for (const int64_t stride : {1, 7, 31, 63}) {
    const Perplexity found =
        perplexity(golden_model(), some_ids(200), {.window = 64, .stride = stride});
    EXPECT_EQ(found.tokens, 199) << stride;
  }
}

// Part of what perplexity_long_test.cc does in whole: the same way, one window.
TEST(Perplexity, ThreadsDoNotChangeIt) {
  const Ids ids = some_ids(300);
  const double one = perplexity(golden_model(), ids).mean_nll;
  const std::string path = test::golden_path("rotary-partial-f32");
  for (const size_t threads : {1, 3, 4}) {
    EXPECT_EQ(perplexity(Model::load(path, {.threads = threads}), ids).mean_nll, one);
  }
}

TEST(Perplexity, ErrorsNameWhatIsWrong) {
  const auto run = [](size_t size, int64_t window, int64_t stride) {
    return
        [=] { perplexity(golden_model(), some_ids(size), {.window = window, .stride = stride}); };
  };
  constexpr auto kWrong = ErrorCode::kInvalidArgument;
  expect_error(kWrong, run(50, 129, 0), "window", "1 to 128", "129");
  expect_error(kWrong, run(50, -1, 0), "window", "-1");
  expect_error(kWrong, run(50, 1, 0), "window", "2", "1");
  expect_error(kWrong, run(50, 20, 21), "stride", "1 to 20", "21");
  expect_error(kWrong, run(50, 20, -1), "stride", "-1");
  expect_error(kWrong, run(1, 0, 0), "at least 2 tokens", "found 1");
  expect_error(kWrong, run(0, 0, 0), "at least 2 tokens", "found 0");
  expect_error(
      kWrong,
      [] {
        perplexity(golden_model(), Ids{1, 131, 2});
      },
      "131");
}

TEST(Perplexity, ProgressIsToldAndMayCancel) {
  std::vector<std::pair<int64_t, int64_t>> told;
  PerplexityOptions options;
  options.on_progress = [&](int64_t done, int64_t total) {
    told.emplace_back(done, total);
    return Progress::kContinue;
  };
  perplexity(golden_model(), some_ids(300), options);
  EXPECT_EQ(told, (std::vector<std::pair<int64_t, int64_t>>{{128, 300}, {256, 300}, {300, 300}}));
  options.on_progress = [](int64_t, int64_t) { return Progress::kCancel; };
  expect_error(
      ErrorCode::kCancelled, [&] { perplexity(golden_model(), some_ids(300), options); },
      "cancelled");
}

}  // namespace
}  // namespace gptj
