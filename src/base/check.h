// SPDX-License-Identifier: Apache-2.0
// The one way to throw.
#pragma once

#include <locale>
#include <sstream>
#include <string>

#include "gptj/error.h"

namespace gptj {

[[noreturn]] void fail(ErrorCode code, const std::string& message, const std::string& param = {});

// The parts one after the other. Numbers look the same whatever locale the host has made global.
// Throws std::bad_alloc, which a stream would take for the end of its text.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.exceptions(std::ios::badbit);
  (out << ... << parts);
  return out.str();
}

// Throws Error(code) with the parts joined as its message unless `ok`.
template <class... Parts>
void check(bool ok, ErrorCode code, const Parts&... parts) {
  if (!ok) fail(code, concat(parts...));
}

// As check(), for a request field or option: the error carries `param`.
template <class... Parts>
void check_param(bool ok, const std::string& param, const Parts&... parts) {
  if (!ok) fail(ErrorCode::kInvalidArgument, concat(param, ": ", parts...), param);
}

}  // namespace gptj
