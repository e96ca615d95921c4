// SPDX-License-Identifier: Apache-2.0
// What guesses gain or cost: speculation_bench [LAYERS]. On the bundled model, greedy and sampled,
// those of the text; on the 6B's shape, int4, of LAYERS layers, guesses of which 80 % are right,
// and none. Ratios to the tokens/s without, medians of runs that take turns.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "bench/limits.h"
#include "gptj/gptj.h"
#include "model/synthetic.h"

namespace gptj {
namespace {

constexpr int64_t kPrompt = 32, kTokens = 64;
constexpr int kRuns = 5, kBundledRuns = 11;

// New tokens per second.
double tokens_per_s(const Model& model, const Request& request, std::vector<TokenId>& ids) {
  const Completion completion = complete(model, request);
  ids = completion.choices[0].token_ids;
  return static_cast<double>(ids.size()) / completion.decode_seconds;
}

// Prompts are pieces of the held-out tales.
void run_bundled() {
  const Model model = Model::load(GPTJ_SOURCE_DIR "/models/fairytale-8m", {.threads = 2});
  std::ifstream file(GPTJ_SOURCE_DIR "/tests/golden/fairytale-8m-heldout.txt");
  const std::string tales{std::istreambuf_iterator<char>(file), {}};
  const std::vector<TokenId> ids = model.tokenizer()->encode(tales);
  constexpr size_t kPrompts = 8, kLength = 128;
  for (const double temperature : {0.0, 0.7}) {
    std::vector<double> ratios;
    for (int run = 0; run < kBundledRuns; ++run) {
      double seconds[2] = {};
      for (size_t i = 0; i < kPrompts; ++i) {
        const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(i * kLength);
        Request request;
        request.prompt = std::vector<TokenId>(begin, begin + kLength);
        request.max_tokens = 256;
        request.temperature = temperature;
        request.seed = i;
        request.ignore_eos = true;
        for (const bool speculate : {run % 2 == 0, run % 2 != 0}) {
          request.speculate = speculate;
          seconds[speculate] += complete(model, request).decode_seconds;
        }
      }
      ratios.push_back(seconds[0] / seconds[1]);
    }
    std::printf("bundled model, temperature %.1f: %.3f x plain\n", temperature, median(ratios));
  }
}

int run_six_b(int64_t layers) {
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
  std::printf("6B's shape: 80 %% of guesses right: %.2f x plain; none right: %.2f x plain\n",
              median(good), median(bad));
  return 0;
}

}  // namespace
}  // namespace gptj

int main(int argc, char** argv) {
  gptj::run_bundled();
  return gptj::run_six_b(argc > 1 ? std::atoll(argv[1]) : 0);
}
