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
  bool envelope = false;  // true if the line is OpenAI's batch envelope
  Request request;        // its prompt is the first of `prompts`
  // The prompts that the line asks the same of; at least one unless `error` is set.
  std::vector<TextOrIds> prompts;
  bool has_seed = false;
  std::optional<Error> error;  // the reason why the line cannot be answered
};

// Returns whether a line is blank: it has nothing but spaces, tabs, CR and LF.
bool is_blank(std::string_view line);

// Returns the request of line `number`, with `defaults` for the fields that the line leaves out. A
// wrong line is not thrown, but becomes RequestLine::error.
RequestLine parse_request_line(std::string_view line, int64_t number, const Request& defaults);

// Returns the answers to the prompts of one line as one answer, with the choices numbered through
// and the usage summed up. REQUIRES: there is an answer.
Completion joined(std::vector<Completion> answers);

// Return the record of a line, without a newline.
std::string answer_record(const Model& model, const RequestLine& line,
                          const Completion& completion);
std::string error_record(const RequestLine& line, const Error& error);

}  // namespace gptj
