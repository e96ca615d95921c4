// SPDX-License-Identifier: Apache-2.0
// The one table of errors: status, type and code, in OpenAI's form.
#pragma once

#include <exception>
#include <string>

#include "gptj/error.h"
#include "http.h"

namespace gptj::serve {

// An error that a route answers with.
struct ApiError {
  int status = 400;
  std::string message;
  std::string type = "invalid_request_error";
  std::string param = {};  // the field at fault; empty: null
  std::string code = {};   // empty: null
  Headers headers = {};
};

// Returns {"error": {"message", "type", "param", "code"}}.
std::string error_json(const ApiError& error);
// Returns the response. A server that repeating the request cannot help says so in x-should-retry.
HttpResponse error_response(const ApiError& error);

// Returns the error of an exception, of the library's or any other.
ApiError error_of(const std::exception_ptr& exception);

ApiError bad_request(std::string message, std::string param = {});
// The errors of a server that cannot take a request now, with Retry-After in seconds.
ApiError queue_full(int64_t limit, int retry_after);
ApiError is_loading();
ApiError is_draining();
ApiError timed_out(double seconds);

}  // namespace gptj::serve
