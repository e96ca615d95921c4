// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gptj/error.h"
#include "gptj/generate.h"
#include "gptj/model.h"

namespace gptj {

// One line of a job's input.
struct RequestLine {
  std::string id;         // as JSON
  bool envelope = false;  // OpenAI's
  Request request;
  bool has_seed = false;
  std::optional<Error> error;  // why it cannot be answered
};

// Whether a line counts as blank: nothing but spaces.
bool is_blank(std::string_view line);

// Never throws for what the line says.
RequestLine parse_request_line(std::string_view line, int64_t number, const Request& defaults);

// Records, without a newline.
std::string answer_record(const Model& model, const RequestLine& line,
                          const Completion& completion);
std::string error_record(const RequestLine& line, const Error& error);

}  // namespace gptj
