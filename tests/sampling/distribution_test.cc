// SPDX-License-Identifier: Apache-2.0
#include "sampling/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/check.h"
#include "base/random.h"

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;
constexpr float kForbidden = -std::numeric_limits<float>::infinity();

Ids ids_of(Distribution distribution) {
  Ids ids;
  for (const Candidate& candidate : distribution.best(distribution.size())) {
    ids.push_back(candidate.id);
  }
  return ids;
}

// The slow truth: everything sorted, everything summed, one filter after another.
class Oracle {
 public:
  Oracle(std::span<const float> logits, const SamplingOptions& options)
      : probability(logits.size()) {
    for (size_t id = 0; id < logits.size(); ++id) {
      if (logits[id] != kForbidden) kept.push_back(static_cast<TokenId>(id));
    }
    std::ranges::stable_sort(kept, std::greater<>(), [&](TokenId id) { return logits[at(id)]; });
    temperature_ = options.temperature;
    logits_ = logits;
    if (options.top_k > 0 && kept.size() > at(options.top_k)) {
      const float kth = logits[at(kept[at(options.top_k) - 1])];
      std::erase_if(kept, [&](TokenId id) { return logits[at(id)] < kth; });
    }
    softmax();
    if (options.top_p < 1) top_p(options.top_p);
    if (options.min_p > 0) {
      const double least = options.min_p * probability[at(kept[0])];
      std::erase_if(kept, [&](TokenId id) { return probability[at(id)] < least; });
      softmax();
    }
    if (options.typical_p < 1) typical_p(options.typical_p);
  }

  Ids kept;  // best first
  std::vector<double> probability;

 private:
  static size_t at(TokenId id) { return static_cast<size_t>(id); }

  void softmax() {
    double total = 0;
    std::ranges::fill(probability, 0.0);
    for (const TokenId id : kept) {
      total += probability[at(id)] =
          std::exp((double{logits_[at(id)]} - logits_[at(kept[0])]) / temperature_);
    }
    for (double& p : probability) p /= total;
  }

  void top_p(double mass) {
    double sum = 0;
    size_t count = 0;
    while (count < kept.size() && (count == 0 || sum < mass)) sum += probability[at(kept[count++])];
    kept.resize(count);
    softmax();
  }

  void typical_p(double mass) {
    double entropy = 0;
    for (const TokenId id : kept) {
      const double p = probability[at(id)];
      if (p > 0) entropy -= p * std::log(p);
    }
    const auto distance = [&](TokenId id) {
      return std::abs(-std::log(probability[at(id)]) - entropy);
    };
    Ids order = kept;
    std::ranges::stable_sort(order, {}, distance);
    double sum = 0;
    size_t last = 0;
    while (last + 1 < order.size() && (sum += probability[at(order[last])]) < mass) ++last;
    const double farthest = distance(order[last]);
    std::erase_if(kept, [&](TokenId id) { return distance(id) > farthest + 1e-12; });
    softmax();
  }

  std::span<const float> logits_;
  double temperature_ = 1;
};

std::vector<float> random_logits(std::mt19937& random, size_t size) {
  std::normal_distribution<float> normal(0, 1 + static_cast<float>(random() % 4));
  std::vector<float> logits(size);
  for (float& logit : logits) logit = random() % 20 == 0 ? kForbidden : normal(random);
  // Ties, but none that would straddle a border of rounding between us and the oracle.
  if (random() % 3 == 0) {
    for (float& logit : logits) logit = std::round(logit);
  }
  logits[random() % size] = 3;
  return logits;
}

void expect_agreement(std::span<const float> logits, const SamplingOptions& options) {
  const Oracle oracle(logits, options);
  Distribution distribution = final_distribution(logits, options);
  EXPECT_EQ(ids_of(distribution), oracle.kept);
  double total = 0;
  for (const Candidate& candidate : distribution.best(distribution.size())) {
    EXPECT_NEAR(candidate.probability, oracle.probability[static_cast<size_t>(candidate.id)],
                1e-12);
    EXPECT_EQ(candidate.logit, logits[static_cast<size_t>(candidate.id)]);
    total += candidate.probability;
  }
  EXPECT_NEAR(total, 1, 1e-12);
}

TEST(Distribution, AgreesWithTheSlowTruth) {
  std::mt19937 random(5);
  for (int round = 0; round < 600; ++round) {
    const std::vector<float> logits = random_logits(random, 1 + random() % 3000);
    SamplingOptions options;
    if (random() % 2 == 0) options.temperature = 0.3 + 0.1 * (random() % 15);
    if (random() % 3 == 0) options.top_k = 1 + random() % 200;
    if (random() % 3 == 0) options.top_p = 0.013 + 0.07 * (random() % 14);
    if (random() % 3 == 0) options.min_p = 0.0013 * (random() % 200);
    if (random() % 3 == 0) options.typical_p = 0.013 + 0.07 * (random() % 14);
    SCOPED_TRACE(concat("round ", round, " of ", logits.size(), ": temperature ",
                        options.temperature, " top_k ", options.top_k, " top_p ", options.top_p,
                        " min_p ", options.min_p, " typical_p ", options.typical_p));
    expect_agreement(logits, options);
    if (HasFailure()) return;
  }
}

TEST(Distribution, TemperatureZeroIsGreedy) {
  SamplingOptions options;
  options.temperature = 0;
  Distribution distribution = final_distribution(std::vector<float>{1, 3, 3, 2}, options);
  ASSERT_EQ(distribution.size(), 1u);
  EXPECT_EQ(distribution.best(9)[0].id, 1);
  EXPECT_EQ(distribution.best(9)[0].probability, 1);
}

TEST(Distribution, TinyTemperaturesDoNotOverflow) {
  SamplingOptions options;
  options.temperature = 1e-300;
  options.typical_p = 0.5;
  Distribution distribution = final_distribution(std::vector<float>{1e30f, -1e30f, 1}, options);
  EXPECT_EQ(distribution.best(1)[0].id, 0);
  EXPECT_EQ(distribution.best(1)[0].probability, 1);
  EXPECT_EQ(sample(distribution, 0x1.fffffffffffffp-1), 0);
}

TEST(Distribution, TopKKeepsTies) {
  SamplingOptions options;
  options.top_k = 2;
  const std::vector<float> logits = {1, 2, 3, 2, 1, 2};
  EXPECT_EQ(ids_of(final_distribution(logits, options)), (Ids{2, 1, 3, 5}));
  options.top_k = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(ids_of(final_distribution(logits, options)), (Ids{2, 1, 3, 5, 0, 4}));
}

TEST(Distribution, TopPPrefersTheLowerOfEqualIds) {
  SamplingOptions options;
  options.top_p = 0.5;
  const std::vector<float> logits = {0, 0, 0, 0};
  EXPECT_EQ(ids_of(final_distribution(logits, options)), (Ids{0, 1}));
  options.top_p = 0;
  EXPECT_EQ(ids_of(final_distribution(logits, options)), (Ids{0}));
}

TEST(Distribution, MinPKeepsTheBest) {
  SamplingOptions options;
  options.min_p = 1;
  EXPECT_EQ(ids_of(final_distribution(std::vector<float>{1, 5, 5, 4.99f}, options)), (Ids{1, 2}));
}

TEST(Distribution, EverythingForbidden) {
  try {
    final_distribution(std::vector<float>{kForbidden, kForbidden}, {});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("no token is left to choose"), std::string::npos);
  }
}

TEST(Distribution, BestGrows) {
  std::mt19937 random(9);
  const std::vector<float> logits = random_logits(random, 2000);
  const Ids all = ids_of(final_distribution(logits, {}));
  Distribution distribution = final_distribution(logits, {});
  for (const size_t count : {0, 1, 7, 3, 500, 501, 100000}) {
    const auto best = distribution.best(count);
    ASSERT_EQ(best.size(), std::min(count, all.size()));
    for (size_t i = 0; i < best.size(); ++i) EXPECT_EQ(best[i].id, all[i]);
  }
}

TEST(Sample, InvertsTheCumulativeDistribution) {
  std::vector<Candidate> candidates = {{7, 1, 0.25}, {3, 2, 0.5}, {5, 1, 0.125}, {6, 0, 0.125}};
  Distribution distribution(std::move(candidates));  // best first: 3, 5, 7, 6
  EXPECT_EQ(sample(distribution, 0), 3);
  EXPECT_EQ(sample(distribution, 0.4999), 3);
  EXPECT_EQ(sample(distribution, 0.5), 5);
  EXPECT_EQ(sample(distribution, 0.625), 7);
  EXPECT_EQ(sample(distribution, 0.875), 6);
  EXPECT_EQ(sample(distribution, 0x1.fffffffffffffp-1), 6);
}

TEST(Sample, NeverDrawsWhatHasNoProbability) {
  Distribution distribution({{0, 2, 0.9}, {1, 1, 0.0}});  // a sum that rounding left short
  EXPECT_EQ(sample(distribution, 0.95), 0);
}

TEST(Sample, FrequenciesFollowTheProbabilities) {
  std::mt19937 random(13);
  const std::vector<float> logits = random_logits(random, 300);
  Distribution distribution = final_distribution(logits, {});
  constexpr int kDraws = 200000;
  std::vector<int> counts(logits.size());
  for (int i = 0; i < kDraws; ++i) {
    ++counts[static_cast<size_t>(sample(distribution, random_uniform(42, 0, i)))];
  }
  for (const Candidate& candidate : distribution.best(distribution.size())) {
    const double expected = candidate.probability * kDraws;
    // Six standard deviations, and one count for the rarest.
    EXPECT_NEAR(counts[static_cast<size_t>(candidate.id)], expected, 6 * std::sqrt(expected) + 1);
  }
}

// The same on every CPU and from every compiler, or saved runs do not replay.
TEST(Distribution, BitsArePinned) {
  std::vector<float> logits(50400);
  for (size_t id = 0; id < logits.size(); ++id) {
    logits[id] = static_cast<float>(random_uniform(1, 2, id) * 30 - 20);
  }
  SamplingOptions options;
  options.temperature = 0.8;
  options.top_p = 0.97;
  options.typical_p = 0.95;
  Distribution distribution = final_distribution(logits, options);
  uint64_t hash = 14695981039346656037u;  // FNV-1a over words
  for (const Candidate& candidate : distribution.best(distribution.size())) {
    hash = (hash ^ static_cast<uint64_t>(candidate.id)) * 1099511628211u;
    hash = (hash ^ std::bit_cast<uint64_t>(candidate.probability)) * 1099511628211u;
  }
  EXPECT_EQ(distribution.size(), 3528u);
  EXPECT_EQ(hash, 9085013217274563372u);
}

TEST(Argmax, LowestOfEqual) {
  EXPECT_EQ(argmax(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(argmax(std::vector<float>{-0.0f, 0.0f}), 0);
}

}  // namespace
}  // namespace gptj
