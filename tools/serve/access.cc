// SPDX-License-Identifier: Apache-2.0
#include "access.h"

#include <algorithm>

namespace gptj::serve {
namespace {

// Returns the host and port of an origin: "http://localhost:8080" gives "localhost:8080".
std::string_view host_of_origin(std::string_view origin) {
  const size_t at = origin.find("://");
  return at == std::string_view::npos ? std::string_view() : origin.substr(at + 3);
}

}  // namespace

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "[::1]" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool equal_in_constant_time(std::string_view given, std::string_view secret) {
  if (secret.empty()) return false;
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  }
  return difference == 0;
}

bool Access::allows_host(const std::string& host) const {
  const std::string name = lower_case(without_port(host));
  return is_loopback(name) ||
         std::any_of(rules_.hosts.begin(), rules_.hosts.end(), [&](const std::string& allowed) {
           return lower_case(allowed) == name || lower_case(allowed) == lower_case(host);
         });
}

bool Access::allows_origin(const std::string& origin, const std::string& host) const {
  const std::string asking = lower_case(host_of_origin(origin));
  if (!asking.empty() && (asking == lower_case(host) || is_loopback(without_port(asking)))) {
    return true;
  }
  return std::any_of(rules_.origins.begin(), rules_.origins.end(), [&](const std::string& allowed) {
    return allowed == "*" || lower_case(allowed) == lower_case(origin);
  });
}

// All keys are compared, so that the time does not tell which of them was nearly right.
bool Access::allows_key(const std::string* authorization) const {
  if (rules_.keys.empty()) return true;
  std::string_view given = authorization == nullptr ? std::string_view() : *authorization;
  if (lower_case(given.substr(0, 7)) == "bearer ") given = trimmed(given.substr(7));
  bool allowed = false;
  for (const std::string& key : rules_.keys) allowed |= equal_in_constant_time(given, key);
  return allowed;
}

std::optional<ApiError> Access::refuse(const HttpRequest& request) const {
  const auto forbidden = [](std::string message) {
    return ApiError{.status = 403, .message = std::move(message), .type = "permission_error"};
  };
  const std::string* host = request.header("host");
  const std::string name = host == nullptr ? std::string() : *host;
  if (rules_.checks_host && host != nullptr && !allows_host(name)) {
    return forbidden("Host: expected localhost or a name of --allowed-host, found \"" + name +
                     "\"");
  }
  const std::string* origin = request.header("origin");
  if (origin != nullptr && !allows_origin(*origin, name)) {
    return forbidden("Origin: expected this server's own or one of --cors-origin, found \"" +
                     *origin + "\"");
  }
  const auto& open = rules_.open_paths;
  const bool is_open = request.method == "OPTIONS" ||
                       std::find(open.begin(), open.end(), request.path) != open.end();
  if (is_open || allows_key(request.header("authorization"))) return std::nullopt;
  return ApiError{.status = 401,
                  .message =
                      "a key is needed: expected the header \"Authorization: Bearer KEY\" "
                      "with a key of the server's file",
                  .code = "invalid_api_key",
                  .headers = {{"WWW-Authenticate", "Bearer"}}};
}

Headers Access::cors_headers(const HttpRequest& request) const {
  const std::string* origin = request.header("origin");
  if (origin == nullptr) return {};
  Headers headers = {{"Access-Control-Allow-Origin", *origin},
                     {"Access-Control-Expose-Headers", "x-request-id, Retry-After"},
                     {"Vary", "Origin"}};
  if (request.method != "OPTIONS") return headers;
  headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  const std::string* asked = request.header("access-control-request-headers");
  headers.emplace_back("Access-Control-Allow-Headers",
                       asked != nullptr ? *asked : "authorization, content-type");
  headers.emplace_back("Access-Control-Max-Age", "600");
  return headers;
}

}  // namespace gptj::serve
