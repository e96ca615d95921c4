// SPDX-License-Identifier: Apache-2.0
#include "sampling/logprobs.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/elementary.h"

namespace gptj {

LogSoftmax::LogSoftmax(const KernelTable& kernels, std::span<const float> logits)
    : logits_(logits) {
  float maximum = 0, sum = 0;
  kernels.max_and_exp_sum(logits.data(), logits.size(), &maximum, &sum);
  log_sum_ = double{maximum} + elementary::log(double{sum});
}

double LogSoftmax::in_double(TokenId id) const {
  return double{logits_[static_cast<size_t>(id)]} - log_sum_;
}

std::vector<TokenLogprob> LogSoftmax::best(size_t count) const {
  std::vector<TokenLogprob> result;
  for (const TokenId id : best_ids(logits_, count)) result.push_back({id, (*this)[id]});
  return result;
}

std::vector<TokenId> best_ids(std::span<const float> values, size_t count) {
  std::vector<TokenId> ids(values.size());
  std::iota(ids.begin(), ids.end(), TokenId{0});
  count = std::min(count, ids.size());
  const auto better = [&](TokenId a, TokenId b) {
    const float value_a = values[static_cast<size_t>(a)], value_b = values[static_cast<size_t>(b)];
    return std::tie(value_b, a) < std::tie(value_a, b);
  };
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(),
                    better);
  ids.resize(count);
  return ids;
}

}  // namespace gptj
