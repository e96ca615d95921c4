// SPDX-License-Identifier: Apache-2.0
// Requests and responses as routes see them. No name of Boost appears here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gptj::serve {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;     // "GET"
  std::string path;       // "/v1/completions", without the query
  std::string query;      // what follows the question mark
  Headers headers = {};   // names in lower case, in their order
  std::string body = {};  // whole
  std::string id = {};    // the request's id: the client's x-request-id, else a new one
  bool is_http_1_0 = false;

  // Returns the value of the first header of this name (in lower case); null if there is none.
  const std::string* header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  Headers headers = {};
  bool close = false;  // true: the connection ends with this response
};

// Returns "Not Found" for 404.
const char* reason_phrase(int status);

// Returns the text in lower case, ASCII letters alone.
std::string lower_case(std::string_view text);
// Returns the text without the spaces and tabs at its ends.
std::string_view trimmed(std::string_view text);
// Returns a path's part with its %20 and the like as bytes.
std::string percent_decoded(std::string_view text);
// Returns whether a query has this flag set: "fail_on_full=1".
bool has_flag(std::string_view query, std::string_view name);

}  // namespace gptj::serve
