// SPDX-License-Identifier: Apache-2.0
#include "generate/logprobs.h"

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
  std::vector<TokenId> ids(logits_.size());
  std::iota(ids.begin(), ids.end(), TokenId{0});
  count = std::min(count, ids.size());
  const auto better = [&](TokenId a, TokenId b) {
    const float logit_a = logits_[static_cast<size_t>(a)],
                logit_b = logits_[static_cast<size_t>(b)];
    return std::tie(logit_b, a) < std::tie(logit_a, b);
  };
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(ids.begin(), end, ids.end(), better);
  std::vector<TokenLogprob> result;
  for (auto id = ids.begin(); id != end; ++id) result.push_back({*id, (*this)[*id]});
  return result;
}

}  // namespace gptj
