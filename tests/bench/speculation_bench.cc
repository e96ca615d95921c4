// SPDX-License-Identifier: Apache-2.0
// What guesses gain or cost on the 6B's shape, int4: speculation_bench [LAYERS]. Plain greedy
// decoding beside decoding with guesses of which 80 % are right, and none; ratios of tokens/s,
// medians of runs that take turns.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "bench/walls.h"
#include "gptj/gptj.h"
#include "model/synthetic.h"

namespace gptj {
namespace {

constexpr int64_t kPrompt = 32, kTokens = 64;
constexpr int kRuns = 5;

// New tokens per second.
double tokens_per_s(const Model& model, const Request& request, std::vector<TokenId>& ids) {
  const Completion completion = complete(model, request);
  ids = completion.choices[0].token_ids;
  return static_cast<double>(ids.size()) / completion.decode_seconds;
}

int run(int64_t layers) {
  const Model model = synthetic_model(bench_shape("gpt-j-6b", layers),
                                      {.weights = WeightType::kInt4, .threads = 2}, 1);
  Request plain;
  std::vector<TokenId> prompt;
  for (TokenId i = 0; i < kPrompt; ++i) prompt.push_back(i * 1009 % 50000);
  plain.prompt = prompt;
  plain.max_tokens = kTokens;
  plain.temperature = 0;
  plain.ignore_eos = true;
  plain.speculate = false;
  std::vector<TokenId> truth, ids;
  tokens_per_s(model, plain, truth);
  const auto guessing = [&](double right) {
    Request request = plain;
    request.speculate = true;
    request.on_guess = [&truth, right](std::span<const TokenId> so_far, size_t most) {
      std::vector<TokenId> guess;
      for (size_t i = so_far.size() - kPrompt; i < truth.size() && guess.size() < most; ++i) {
        guess.push_back(random_uniform(3, 0, i) < right ? truth[i] : truth[i] + 1);
      }
      return guess;
    };
    return request;
  };
  std::vector<double> good, bad;
  for (int i = 0; i < kRuns; ++i) {
    const double by_itself = tokens_per_s(model, plain, ids);
    good.push_back(tokens_per_s(model, guessing(0.8), ids) / by_itself);
    if (ids != truth) return std::puts("guesses changed the text"), 1;
    bad.push_back(tokens_per_s(model, guessing(0), ids) / by_itself);
    if (ids != truth) return std::puts("guesses changed the text"), 1;
  }
  std::printf("80 %% of guesses right: %.2f x plain; none right: %.2f x plain\n", median(good),
              median(bad));
  return 0;
}

}  // namespace
}  // namespace gptj

int main(int argc, char** argv) { return gptj::run(argc > 1 ? std::atoll(argv[1]) : 0); }
