// SPDX-License-Identifier: Apache-2.0
// The way from logits to the next token: which ids may come, how probable each is, and the draw.
// Results are the same bits on every CPU.
#pragma once

#include <span>
#include <vector>

#include "request/sampling_options.h"

namespace gptj {

struct Candidate {
  TokenId id;
  float logit;         // before temperature
  double probability;  // those of all candidates add up to 1
};

// The ids that may come next. They are sorted only as far as best() is asked for, because sorting a
// whole vocabulary takes longer than everything else in this file.
class Distribution {
 public:
  explicit Distribution(std::vector<Candidate> candidates) : candidates_(std::move(candidates)) {}

  size_t size() const { return candidates_.size(); }

  // Returns the `count` best, or all if there are fewer, best first. Of equal logits the lower id
  // is the better. The result is valid until the next call.
  std::span<const Candidate> best(size_t count);

 private:
  std::vector<Candidate> candidates_;  // the first sorted_ are the best, in order
  size_t sorted_ = 0;
};

// Applies the options from temperature to typical_p, then the softmax. Ids whose logit is -infinity
// are not candidates. Throws kInvalidArgument if no candidate is left. REQUIRES: all other logits
// are finite.
Distribution final_distribution(std::span<const float> logits, const SamplingOptions& options);

// Returns the id at which the cumulative distribution, best candidate first, exceeds `uniform`, a
// number from [0, 1).
TokenId sample(Distribution& distribution, double uniform);

// Returns the id of the greatest logit; of equal logits the lowest id.
TokenId argmax(std::span<const float> logits);

}  // namespace gptj
