// SPDX-License-Identifier: Apache-2.0
// The one exception of the library. Every public function may throw Error, and throws nothing else
// but std::bad_alloc, whatever a file, a name or a machine is like. An exception that a callback of
// the caller throws passes through unchanged. After any exception the object may be used again: a
// Session's sequences are as they were before the call, a Conversation keeps its computed tokens, a
// Generator goes on with other requests, and a batch can be resumed.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "gptj/export.h"

namespace gptj {

enum class ErrorCode {
  kInvalidArgument,  // a value that the caller passed is out of range, unknown or contradictory
  kNotFound,         // a file or folder does not exist
  kIo,               // the operating system refused to read or write
  kBadFile,          // a file's content is not what its format says
  kUnsupported,      // a file is well-formed, but this engine does not run its content
  kContextLength,    // prompt and new tokens do not fit n_positions
  kOutOfMemory,      // the computed need exceeds the memory left; nothing was allocated
  kNotFinite,        // a logit is NaN or infinite: the weights or the file are damaged
  kCancelled,        // a callback or a CancelToken stopped the work
};

// Returns the name of a code as JSON records show it: "invalid_argument", "context_length", ...
GPTJ_API const char* error_code_name(ErrorCode code);

// An error with a code. Its what() names the file, tensor or field, the expected and the found
// value, and the likely cause.
class GPTJ_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string param = {})
      : std::runtime_error(message), code_(code), param_(std::move(param)) {}

  ErrorCode code() const { return code_; }
  // The request field or option at fault; empty if there is none.
  const std::string& param() const { return param_; }

 private:
  ErrorCode code_;
  std::string param_;
};

}  // namespace gptj
