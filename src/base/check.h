// SPDX-License-Identifier: Apache-2.0
// The functions by which all code throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gptj/error.h"

namespace gptj {

// Throws Error(code, message, param).
[[noreturn]] void fail(ErrorCode code, const std::string& message, const std::string& param = {});

// Append a part of a message to `text`. Numbers look the same whatever locale the host has made
// global; a double is shown with at most six digits.
void append_number(int64_t number, std::string& text);
void append_number(uint64_t number, std::string& text);
void append_number(double number, std::string& text);

// The same for a part of any type: a number, a text, a function that makes one, or a value of a type
// that has a function message_text(value).
template <class Part>
void append_part(const Part& part, std::string& text) {
  if constexpr (std::is_invocable_v<const Part&>) {
    append_part(part(), text);
  } else if constexpr (std::is_same_v<Part, char>) {
    text += part;
  } else if constexpr (std::is_floating_point_v<Part>) {
    append_number(static_cast<double>(part), text);
  } else if constexpr (std::is_unsigned_v<Part>) {
    append_number(static_cast<uint64_t>(part), text);
  } else if constexpr (std::is_integral_v<Part>) {
    append_number(static_cast<int64_t>(part), text);
  } else if constexpr (requires { message_text(part); }) {
    text += message_text(part);
  } else {
    text += std::string_view(part);
  }
}

// Returns the parts as text, one after the other.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string text;
  (append_part(parts, text), ...);
  return text;
}

// Returns names as a choice: "a, b or c".
std::string choice(const std::vector<std::string>& names);

// Throws Error(code), whose message is all parts joined, unless `ok`. The message is made only
// then: a part that takes time to make may be a function, which is called only if the check fails.
template <class... Parts>
void check(bool ok, ErrorCode code, const Parts&... parts) {
  if (!ok) fail(code, concat(parts...));
}

// Throws kInvalidArgument for a request field or option unless `ok`. The error carries `param`.
template <class... Parts>
void check_param(bool ok, const std::string& param, const Parts&... parts) {
  if (!ok) fail(ErrorCode::kInvalidArgument, concat(param, ": ", parts...), param);
}

}  // namespace gptj
