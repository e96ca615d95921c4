// SPDX-License-Identifier: Apache-2.0
// The one way to throw.
#pragma once

#include <sstream>
#include <string>

#include "gptj/error.h"

namespace gptj {

[[noreturn]] void fail(ErrorCode code, const std::string& message, const std::string& param = {});

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
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
