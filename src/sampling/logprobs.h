// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gptj/generate.h"
#include "kernels/kernels.h"

namespace gptj {

// The raw log-softmax of one row of logits. The logits must outlive the object.
class LogSoftmax {
 public:
  LogSoftmax(const KernelTable& kernels, std::span<const float> logits);

  double in_double(TokenId id) const;
  float operator[](TokenId id) const { return static_cast<float>(in_double(id)); }
  // Returns the `count` best, best first; of equal logits the lower id comes first.
  std::vector<TokenLogprob> best(size_t count) const;

 private:
  std::span<const float> logits_;
  double log_sum_;  // log of the sum of all exp(logit)
};

// Returns the ids of the `count` largest values, or of all if there are fewer, best first. Of equal
// values the lower id comes first.
std::vector<TokenId> best_ids(std::span<const float> values, size_t count);

}  // namespace gptj
