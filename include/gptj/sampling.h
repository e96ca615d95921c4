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
#include <utility>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

struct SamplingOptions {
  // Divides the positive logits, multiplies the negative ones, of every id in prompt or output.
  // Above 1 discourages; 1: off.
  double repetition_penalty = 1;
  // Subtracted from an id's logit once per occurrence in the output. 0: off.
  double frequency_penalty = 0;
  // Subtracted once from the logit of an id that occurs in the output. 0: off.
  double presence_penalty = 0;
  // Added to the logits of these ids; several for one id add up. Empty: off.
  std::vector<std::pair<TokenId, double>> logit_bias = {};
  // No sequence of this many ids, prompt included, comes twice. In tokens; 0: off.
  int64_t no_repeat_ngram_size = 0;
  // None of these sequences of ids is completed. One that is just an end token is ignored.
  std::vector<std::vector<TokenId>> bad_words = {};
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

}  // namespace gptj
