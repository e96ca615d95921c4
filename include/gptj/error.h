// SPDX-License-Identifier: Apache-2.0
// The one exception of the library. Every public function may throw it, and throws nothing else
// but std::bad_alloc, whatever a file, a name or a machine is like. What a callback of the caller's
// throws passes through unchanged. After any exception the object may be used again: a Session's
// sequences are as they were before the call, a Context keeps what it kept, a Generator goes on
// with other requests, and a batch can be resumed.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "gptj/export.h"

namespace gptj {

enum class ErrorCode {
  kInvalidArgument,  // a value the caller passed: out of range, unknown, contradictory
  kNotFound,         // a file or folder that is not there
  kIo,               // the operating system refused to read or write
  kBadFile,          // a file whose content is not what its format says
  kUnsupported,      // well-formed, but nothing this engine runs
  kContextLength,    // prompt and new tokens do not fit n_positions
  kOutOfMemory,      // the computed need exceeds what there is; nothing was allocated for it
  kNotFinite,        // a logit is NaN or infinite: the weights or the file are damaged
  kCancelled,        // a callback or a CancelToken stopped the work
};

// The name of a code as JSON records show it: "invalid_argument", "context_length", ...
GPTJ_API const char* error_code_name(ErrorCode code);

// what() names the file, tensor or field, what was expected, what was found, and the likely cause.
class GPTJ_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string param = {})
      : std::runtime_error(message), code_(code), param_(std::move(param)) {}

  ErrorCode code() const { return code_; }
  // The request field or option at fault; empty where there is none.
  const std::string& param() const { return param_; }

 private:
  ErrorCode code_;
  std::string param_;
};

}  // namespace gptj
