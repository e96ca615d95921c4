// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <fmt/format.h>

#include <iterator>

namespace gptj {

void append_number(int64_t number, std::string& text) {
  fmt::format_to(std::back_inserter(text), "{}", number);
}
void append_number(uint64_t number, std::string& text) {
  fmt::format_to(std::back_inserter(text), "{}", number);
}
void append_number(double number, std::string& text) {
  fmt::format_to(std::back_inserter(text), "{:g}", number);
}

void fail(ErrorCode code, const std::string& message, const std::string& param) {
  throw Error(code, message, param);
}

std::string choice(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 < names.size() ? ", " : " or ";
    text += names[i];
  }
  return text;
}

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid_argument";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kIo: return "io";
    case ErrorCode::kBadFile: return "bad_file";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kContextLength: return "context_length";
    case ErrorCode::kOutOfMemory: return "out_of_memory";
    case ErrorCode::kNotFinite: return "not_finite";
    case ErrorCode::kCancelled: return "cancelled";
  }
  return "unknown";
}

}  // namespace gptj
