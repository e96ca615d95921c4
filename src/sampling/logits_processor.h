// SPDX-License-Identifier: Apache-2.0
// The processors that change single logits, as transformers 4.27.1 and OpenAI define the options.
#pragma once

#include <span>

#include "request/sampling_options.h"

namespace gptj {

// The tokens before the one to be chosen.
struct TokenHistory {
  std::span<const TokenId> ids;  // prompt and output, each id below the number of logits
  size_t prompt_size = 0;        // how many of `ids` are the prompt
  // The end tokens: decay_factor raises their logits, and a bad word that is just one is ignored.
  std::span<const TokenId> end_ids;
  bool is_last = false;  // true if the token is the last that the output may have
};

// Applies the options from repetition_penalty to suppressed_first, in the order of SamplingOptions,
// which is that of transformers. The logit of a forbidden id becomes -infinity.
void apply_penalties(std::span<float> logits, const TokenHistory& history,
                     const SamplingOptions& options);

}  // namespace gptj
