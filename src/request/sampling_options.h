// SPDX-License-Identifier: Apache-2.0
// How the next token is chosen from the logits.
//
//   gptj::SamplingOptions options;
//   options.temperature = 0.8;
//   options.top_p = 0.95;
//
// The members work in the order in which they stand here. A default changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

struct SamplingOptions {
  // Divides the positive logits, multiplies the negative ones, of every id in prompt or output.
  // Above 1 discourages; 1: off.
  double repetition_penalty = 1;
  // Multiplies the positive logits, divides the negative ones, of every id in the prompt: above 1
  // keeps the output near it. 1: off.
  double encoder_repetition_penalty = 1;
  // Subtracted from an id's logit once per occurrence in the output. 0: off.
  double frequency_penalty = 0;
  // Subtracted once from the logit of an id that occurs in the output. 0: off.
  double presence_penalty = 0;
  // Added to the logits of these ids; several for one id add up. Empty: off.
  std::vector<std::pair<TokenId, double>> logit_bias = {};
  // No sequence of this many ids, prompt included, comes twice. In tokens; 0: off.
  int64_t no_repeat_ngram_size = 0;
  // No sequence of this many ids of the prompt comes in the output. In tokens; 0: off.
  int64_t encoder_no_repeat_ngram_size = 0;
  // None of these sequences of ids is completed. One that is just an end token is ignored.
  std::vector<std::vector<TokenId>> bad_words = {};
  // The first id after a prompt of one token. Not set: off.
  std::optional<TokenId> forced_first = {};
  // The last of the most ids that the output may have is one of these. Empty: off.
  std::vector<TokenId> forced_last = {};
  // After `decay_start` ids of output, an end token's logit grows by |logit| x (decay_factor^(ids
  // since) - 1). Factor 1: off.
  int64_t decay_start = 0;
  double decay_factor = 1;
  // These never come; those of the second list not as the first of the output. Empty: off.
  std::vector<TokenId> suppressed = {};
  std::vector<TokenId> suppressed_first = {};
  // Divides the logits. 1: off; 0: greedy, the best id is certain.
  double temperature = 1;
  // Only the best so many ids, and all that tie with the last of them. In tokens; 0: off.
  int64_t top_k = 0;
  // Only the fewest best ids whose probabilities add up to at least this; 0: the best. 1: off.
  double top_p = 1;
  // Only ids at least this fraction as probable as the best. 0: off.
  double min_p = 0;
  // Only the ids nearest in surprise to what is expected, with at least this mass. 1: off.
  double typical_p = 1;
};

// Throws kInvalidArgument naming the member that is out of range or has an id not below vocab_size.
// Whatever reads the options relies on it.
void check_sampling_options(const SamplingOptions& options, int64_t vocab_size);

}  // namespace gptj
