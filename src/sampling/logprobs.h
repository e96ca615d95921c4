// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gptj/generate.h"
#include "kernels/kernels.h"

namespace gptj {

// The raw log-softmax of one row of logits.
class LogSoftmax {
 public:
  LogSoftmax(const KernelTable& kernels, std::span<const float> logits);

  double in_double(TokenId id) const;
  float operator[](TokenId id) const { return static_cast<float>(in_double(id)); }
  // The `count` best, best first; of equal logits the lower id.
  std::vector<TokenLogprob> best(size_t count) const;

 private:
  std::span<const float> logits_;
  double log_sum_;  // log of the sum of all exp(logit)
};

// The `count` ids of the largest values, or all if there are fewer, best first; of equal values the
// lower id.
std::vector<TokenId> best_ids(std::span<const float> values, size_t count);

}  // namespace gptj
