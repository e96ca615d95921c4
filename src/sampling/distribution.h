// SPDX-License-Identifier: Apache-2.0
// From logits to the next token: which ids may come, how probable each is, and the draw. The same
// bits on every CPU.
#pragma once

#include <span>
#include <vector>

#include "request/sampling_options.h"

namespace gptj {

struct Candidate {
  TokenId id;
  float logit;         // before temperature
  double probability;  // of all candidates together 1
};

// The ids that may come next. They are put in order only as far as anybody looks: sorting a whole
// vocabulary takes longer than all else here.
class Distribution {
 public:
  explicit Distribution(std::vector<Candidate> candidates) : candidates_(std::move(candidates)) {}

  size_t size() const { return candidates_.size(); }

  // The `count` best, or all if there are fewer, best first. Of equal logits the lower id is the
  // better. Valid until the next call.
  std::span<const Candidate> best(size_t count);

 private:
  std::vector<Candidate> candidates_;  // the first sorted_ are the best, in order
  size_t sorted_ = 0;
};

// temperature to typical_p, then the softmax. Ids whose logit is -infinity are not candidates;
// throws kInvalidArgument if none is left. Other logits are finite.
Distribution final_distribution(std::span<const float> logits, const SamplingOptions& options);

// Inverts the cumulative distribution, best candidate first, at `uniform` from [0, 1).
TokenId sample(Distribution& distribution, double uniform);

// The id of the greatest logit; of equal ones the lowest.
TokenId argmax(std::span<const float> logits);

}  // namespace gptj
