// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gptj/generate.h"
#include "request/sampling_options.h"

namespace gptj {

// A request with everything decided: defaults are filled in, ranges checked, texts tokenized.
struct Plan {
  std::vector<TokenId> prompt;  // never empty
  bool bos_for_empty = false;   // true if the prompt is the bos token that stands for no prompt
  int64_t max_tokens = 0;
  int64_t min_tokens = 0;
  bool ignore_eos = false;
  SamplingOptions sampling;  // temperature 0: greedy
  std::vector<std::string> stop;
  std::optional<int64_t> logprobs;
  bool echo = false;
  bool prefix_lm = false;
  int64_t n = 1;
  int64_t best_of = 1;
  int64_t num_beams = 1;  // above 1: a beam search
  double length_penalty = 1;
  EarlyStopping early_stopping = EarlyStopping::kNo;
  int64_t seed = 0;
};

// Returns the ids of the value of `field`: a prompt, or with options.continues a text that goes on.
// Throws kInvalidArgument with `field` as its param for an id that is not below vocab_size, and for
// text if the model has no tokenizer.
std::vector<TokenId> ids_of(const char* field, const TextOrIds& value, const Model& model,
                            const EncodeOptions& options = {});

// Returns the plan of a request. Every request is validated here and only here, whether it comes
// from the command line, from JSON or from the library. Throws kInvalidArgument with the field as
// its param, or kContextLength.
Plan make_plan(const Request& request, const Model& model);

}  // namespace gptj
