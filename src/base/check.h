// SPDX-License-Identifier: Apache-2.0
// The functions by which all code throws.
#pragma once

#include <locale>
#include <sstream>
#include <string>
#include <vector>

#include "gptj/error.h"

namespace gptj {

// Throws Error(code, message, param).
[[noreturn]] void fail(ErrorCode code, const std::string& message, const std::string& param = {});

// Returns the parts as text, one after the other. Numbers look the same whatever locale the host
// has made global. Throws std::bad_alloc if there is no memory; a stream without exceptions would
// return a shorter text instead.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.exceptions(std::ios::badbit);
  (out << ... << parts);
  return out.str();
}

// Returns names as a choice: "a, b or c".
std::string choice(const std::vector<std::string>& names);

// Throws Error(code), whose message is all parts joined, unless `ok`.
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
