// SPDX-License-Identifier: Apache-2.0
#include "sampling/distribution.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "base/check.h"
#include "base/elementary.h"

namespace gptj {
namespace {

// While filters run, Candidate::probability holds the weight exp((logit - best) / temperature).
// The candidates stand in the order of their ids or best first, never in the order that a half-done
// sort leaves, because the bits of a sum depend on the order of its terms.
using Candidates = std::vector<Candidate>;

constexpr size_t kFirstHead = 64;  // items sorted at first; each further head is four times as long

bool better(const Candidate& a, const Candidate& b) {
  return std::tie(b.logit, a.id) < std::tie(a.logit, b.id);
}

// Moves the `head` items that are first by `before` to the front, sorted. REQUIRES: the first
// `sorted` items stand there already.
template <class T, class Before>
void extend_sorted_head(std::vector<T>& items, size_t sorted, size_t head, Before before) {
  const auto begin = items.begin() + static_cast<std::ptrdiff_t>(sorted);
  const auto end = items.begin() + static_cast<std::ptrdiff_t>(head);
  if (end - begin < (items.end() - begin) / 32) {
    std::partial_sort(begin, end, items.end(), before);  // faster than nth_element for a small head
    return;
  }
  if (end != items.end()) std::nth_element(begin, end, items.end(), before);
  std::sort(begin, end, before);
}

// Visits items in order until `visit` returns true; returns how many it visited.
template <class T, class Before, class Visit>
size_t visit_in_order(std::vector<T>& items, Before before, Visit visit) {
  size_t visited = 0;
  for (size_t head = kFirstHead; visited < items.size(); head *= 4) {
    const size_t end = std::min(head, items.size());
    extend_sorted_head(items, visited, end, before);
    while (visited < end) {
      if (visit(items[visited++])) return visited;
    }
  }
  return visited;
}

double total_weight(const Candidates& candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.probability;
  return total;
}

// Returns the least logit that top_k keeps; ids that tie with it are kept too.
float top_k_threshold(std::span<const float> logits, size_t k) {
  std::vector<float> sorted(logits.begin(), logits.end());
  extend_sorted_head(sorted, 0, k, std::greater<>());
  return sorted[k - 1];
}

Candidates candidates_of(std::span<const float> logits, int64_t top_k) {
  const auto k = static_cast<size_t>(top_k);
  const float threshold = k == 0 || k >= logits.size() ? -std::numeric_limits<float>::max()
                                                       : top_k_threshold(logits, k);
  Candidates candidates;
  candidates.reserve(k == 0 ? logits.size() : std::min(k, logits.size()));
  for (size_t id = 0; id < logits.size(); ++id) {
    const bool keep = logits[id] >= threshold && std::isfinite(logits[id]);
    if (keep) candidates.push_back({static_cast<TokenId>(id), logits[id], 0});
  }
  return candidates;
}

void weigh(Candidates& candidates, double best_logit, double temperature) {
  for (Candidate& candidate : candidates) {
    candidate.probability = elementary::exp((candidate.logit - best_logit) / temperature);
  }
}

void keep_top_p(Candidates& candidates, double top_p) {
  const double total = total_weight(candidates);
  const double mass = top_p * total;
  // All weights below `negligible` add up to less than half of the mass that top_p may leave out;
  // the other half is a margin for rounding. Without them few ids of a vocabulary are left to sort.
  const double negligible = 0.5 * (total - mass) / static_cast<double>(candidates.size());
  std::erase_if(candidates, [=](const Candidate& c) { return c.probability < negligible; });
  double sum = 0;
  candidates.resize(visit_in_order(candidates, better, [&](const Candidate& candidate) {
    sum += candidate.probability;
    return sum >= mass;
  }));
}

void keep_min_p(Candidates& candidates, double min_p) {
  std::erase_if(candidates, [=](const Candidate& c) { return c.probability < min_p; });
}

// Returns |surprise - entropy| of each candidate, where surprise is -log p.
std::vector<double> distances_from_typical(const Candidates& candidates, double total) {
  std::vector<double> distances;
  distances.reserve(candidates.size());
  const double log_total = elementary::log(total);
  double entropy = 0;
  for (const Candidate& candidate : candidates) {
    const double surprise = log_total - elementary::log(candidate.probability);
    if (candidate.probability > 0) entropy += candidate.probability / total * surprise;
    distances.push_back(surprise);
  }
  for (double& distance : distances) distance = std::abs(distance - entropy);
  return distances;
}

void keep_typical_p(Candidates& candidates, double typical_p) {
  const double total = total_weight(candidates);
  const std::vector<double> distances = distances_from_typical(candidates, total);
  std::vector<size_t> order(candidates.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto nearer = [&](size_t a, size_t b) {
    return std::tie(distances[a], a) < std::tie(distances[b], b);
  };
  double sum = 0, farthest = 0;
  visit_in_order(order, nearer, [&](size_t i) {
    sum += candidates[i].probability;
    farthest = distances[i];
    return sum >= typical_p * total;
  });
  size_t i = 0;
  std::erase_if(candidates, [&](const Candidate&) { return distances[i++] > farthest; });
}

}  // namespace

std::span<const Candidate> Distribution::best(size_t count) {
  count = std::min(count, size());
  if (count > sorted_) {
    extend_sorted_head(candidates_, sorted_, count, better);
    sorted_ = count;
  }
  return std::span(candidates_).first(count);
}

Distribution final_distribution(std::span<const float> logits, const SamplingOptions& options) {
  const TokenId best = argmax(logits);
  const float best_logit = logits[static_cast<size_t>(best)];
  check(std::isfinite(best_logit), ErrorCode::kInvalidArgument,
        "no token is left to choose: bad_words, no_repeat_ngram_size and logit_bias forbid all");
  if (options.temperature == 0) return Distribution({{best, best_logit, 1}});
  Candidates candidates = candidates_of(logits, options.top_k);
  weigh(candidates, best_logit, options.temperature);
  if (options.top_p < 1) keep_top_p(candidates, options.top_p);
  if (options.min_p > 0) keep_min_p(candidates, options.min_p);
  if (options.typical_p < 1) keep_typical_p(candidates, options.typical_p);
  const double total = total_weight(candidates);
  for (Candidate& candidate : candidates) candidate.probability /= total;
  return Distribution(std::move(candidates));
}

TokenId sample(Distribution& distribution, double uniform) {
  double sum = 0;
  TokenId last =
      0;  // the last candidate with a probability: the answer if rounding leaves the sum short
  size_t i = 0;
  for (size_t head = kFirstHead; i < distribution.size(); head *= 4) {
    for (const Candidate& candidate : distribution.best(head).subspan(i)) {
      sum += candidate.probability;
      if (candidate.probability > 0) last = candidate.id;
      if (sum > uniform) return candidate.id;
      ++i;
    }
  }
  return last;
}

TokenId argmax(std::span<const float> logits) {
  return std::ranges::max_element(logits) - logits.begin();
}

}  // namespace gptj
