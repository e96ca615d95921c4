// SPDX-License-Identifier: Apache-2.0
// The options by which the next token is chosen from the logits.
//
//   gptj::SamplingOptions options;
//   options.temperature = 0.8;
//   options.top_p = 0.95;
//
// The members are applied in the order in which they stand here, except that
// encoder_repetition_penalty comes before repetition_penalty. A default changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

struct SamplingOptions {
  // For every id in prompt or output, divides a positive logit by this and multiplies a negative
  // one. Above 1 discourages the ids; 1: off.
  double repetition_penalty = 1;
  // Number of last ids of prompt and output that repetition_penalty looks at. 0: all.
  int64_t repetition_penalty_range = 0;
  // For every id in the prompt, multiplies a positive logit by this and divides a negative one.
  // Above 1 keeps the output near the prompt; 1: off.
  double encoder_repetition_penalty = 1;
  // Subtracted from an id's logit once per occurrence in the output. 0: off.
  double frequency_penalty = 0;
  // Subtracted once from the logit of an id that occurs in the output. 0: off.
  double presence_penalty = 0;
  // Pairs of an id and a number that is added to its logit. Several for one id add up. Empty: off.
  std::vector<std::pair<TokenId, double>> logit_bias = {};
  // Length in tokens: no sequence of this many ids, prompt included, comes twice. 0: off.
  int64_t no_repeat_ngram_size = 0;
  // Length in tokens: no sequence of this many ids of the prompt comes in the output. 0: off.
  int64_t encoder_no_repeat_ngram_size = 0;
  // Sequences of ids of which none is ever completed. One that is just an end token is ignored.
  std::vector<std::vector<TokenId>> bad_words = {};
  // The first id after a prompt of one token. Not set: off.
  std::optional<TokenId> forced_first = {};
  // Ids of which one must be the last, if the output reaches the most ids that it may have.
  // Empty: off.
  std::vector<TokenId> forced_last = {};
  // After `decay_start` ids of output, an end token's logit grows by |logit| x (decay_factor^(ids
  // since) - 1). Factor 1: off.
  int64_t decay_start = 0;
  double decay_factor = 1;
  // Ids that never come, and ids that do not come as the first of the output. Empty: off.
  std::vector<TokenId> suppressed = {};
  std::vector<TokenId> suppressed_first = {};
  // Divisor of the logits. 1: off; 0: greedy, the best id is certain.
  double temperature = 1;
  // Number of ids: keeps only so many best ids, and all that tie with the last of them. 0: off.
  int64_t top_k = 0;
  // Keeps only the fewest best ids whose probabilities add up to at least this. 0: only the best;
  // 1: off.
  double top_p = 1;
  // Keeps only ids that are at least this fraction as probable as the best. 0: off.
  double min_p = 0;
  // Keeps only the ids whose surprise is nearest to the expected surprise, and whose probabilities
  // add up to at least this. 1: off.
  double typical_p = 1;
};

// Throws kInvalidArgument, naming the member, if a member is out of range or has an id that is not
// below vocab_size. Code that reads the options relies on this check.
void check_sampling_options(const SamplingOptions& options, int64_t vocab_size);

}  // namespace gptj
