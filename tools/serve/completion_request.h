// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/completions as requests of the library.
#pragma once

#include <string>
#include <vector>

#include "gptj/gptj.h"
#include "json_body.h"

namespace gptj::serve {

// What the server allows and assumes.
struct CompletionRules {
  std::string model_name;     // as it is answered
  bool strict_model = false;  // true: another name is 404
  int64_t default_max_tokens = 16;
  int64_t max_tokens_limit = 0;  // 0: the model's context
};

struct CompletionCall {
  std::vector<Request> requests;  // one for each prompt
  int64_t n = 1;                  // choices of each prompt
  bool stream = false;
  bool include_usage = false;
};

// Returns the call. Fields that are not known are ignored, because clients send many that mean
// nothing here; a field that asks for a constraint that cannot be kept is an error. Throws
// kInvalidArgument with the field as its param; kNotFound with "model" for a model that
// strict_model refuses.
CompletionCall parse_completion(const Json& body, const Model& model, const CompletionRules& rules);

// Most texts of one HTTP request: prompts times the samples of each.
inline constexpr int64_t kMostTexts = 128;
// Throws if a request has more stop strings, bad words or biases than a server should take, or
// longer ones.
void check_sizes(const Request& request);

}  // namespace gptj::serve
