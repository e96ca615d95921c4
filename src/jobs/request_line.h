// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gptj/error.h"
#include "gptj/generate.h"
#include "gptj/model.h"

namespace gptj {

// One line of a job's input.
struct RequestLine {
  std::string id;         // as JSON
  bool envelope = false;  // OpenAI's
  Request request;  // its prompt is the first of `prompts`
  // A line may ask the same of several prompts; never empty where there is no error.
  std::vector<TextOrIds> prompts;
  bool has_seed = false;
  std::optional<Error> error;  // why it cannot be answered
};

// Whether a line counts as blank: nothing but spaces.
bool is_blank(std::string_view line);

// Never throws for what the line says.
RequestLine parse_request_line(std::string_view line, int64_t number, const Request& defaults);

// Returns the answers to the prompts of one line as one: choices numbered through, usage summed.
Completion joined(std::vector<Completion> answers);

// Records, without a newline.
std::string answer_record(const Model& model, const RequestLine& line,
                          const Completion& completion);
std::string error_record(const RequestLine& line, const Error& error);

}  // namespace gptj
