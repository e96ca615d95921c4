// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <new>
#include <nlohmann/json.hpp>

namespace gptj::serve {
namespace {

nlohmann::ordered_json text_or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

ApiError unavailable(std::string message, std::string code, int retry_after) {
  return {.status = 503,
          .message = std::move(message),
          .type = "server_error",
          .code = std::move(code),
          .headers = {{"Retry-After", std::to_string(retry_after)}}};
}

ApiError of_library(const Error& error) {
  ApiError result{.message = error.what(), .param = error.param()};
  switch (error.code()) {
    case ErrorCode::kInvalidArgument: break;
    case ErrorCode::kNotFound:
      result.status = 404;
      result.code = "model_not_found";
      break;
    case ErrorCode::kContextLength: result.code = "context_length_exceeded"; break;
    case ErrorCode::kOutOfMemory: result.code = "kv_memory_exceeded"; break;
    default:
      result.status = 500;
      result.type = "server_error";
      result.code = error_code_name(error.code());
  }
  return result;
}

}  // namespace

std::string error_json(const ApiError& error) {
  nlohmann::ordered_json body;
  body["message"] = error.message;
  body["type"] = error.type;
  body["param"] = text_or_null(error.param);
  body["code"] = text_or_null(error.code);
  const nlohmann::ordered_json json = {{"error", std::move(body)}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

HttpResponse error_response(const ApiError& error) {
  HttpResponse response{
      .status = error.status, .body = error_json(error), .headers = error.headers};
  if (error.status == 500 || error.status == 408) {
    response.headers.emplace_back("x-should-retry", "false");
  }
  return response;
}

ApiError error_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return of_library(error);
  } catch (const std::bad_alloc&) {
    return unavailable("the server has no memory left for this request", "out_of_memory", 5);
  } catch (const std::exception& error) {
    return {.status = 500,
            .message = std::string("unexpected: ") + error.what(),
            .type = "server_error",
            .code = "internal"};
  }
}

ApiError bad_request(std::string message, std::string param) {
  return {.message = std::move(message), .param = std::move(param)};
}

ApiError queue_full(int64_t limit, int retry_after) {
  return {.status = 429,
          .message = "the queue is full: " + std::to_string(limit) +
                     " prompts wait; try again in " + std::to_string(retry_after) + " s",
          .type = "rate_limit_error",
          .code = "queue_full",
          .headers = {{"Retry-After", std::to_string(retry_after)}}};
}

ApiError is_loading() { return unavailable("the model is being loaded", "loading", 2); }

ApiError is_draining() { return unavailable("the server is ending", "draining", 5); }

ApiError timed_out(double seconds) {
  ApiError error = unavailable("the request took longer than the server's limit of " +
                                   std::to_string(static_cast<int64_t>(seconds)) + " s",
                               "timeout", 1);
  error.headers = {{"x-should-retry", "false"}};
  return error;
}

}  // namespace gptj::serve
