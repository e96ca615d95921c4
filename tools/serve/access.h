// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "errors.h"
#include "http.h"

namespace gptj::serve {

struct AccessRules {
  std::vector<std::string> keys = {};        // empty: no key is asked for
  std::vector<std::string> origins = {};     // allowed besides the server's own; "*": any
  std::vector<std::string> hosts = {};       // allowed besides loopback names
  bool checks_host = true;                   // whether Host must be a known name
  std::vector<std::string> open_paths = {};  // paths that need no key
};

// Decides, from a request's header alone, who may ask. A page of another origin is refused even if
// its request needs no preflight, because CORS headers alone would not stop the request. With
// checks_host, names of other machines are refused: a page that has made its own name point here
// must not read the answers.
class Access {
 public:
  explicit Access(AccessRules rules) : rules_(std::move(rules)) {}

  // Returns the error that refuses the request; empty if it may pass.
  std::optional<ApiError> refuse(const HttpRequest& request) const;
  // Returns the CORS headers of the answer to a request that may pass.
  Headers cors_headers(const HttpRequest& request) const;

 private:
  bool allows_host(const std::string& host) const;
  bool allows_origin(const std::string& origin, const std::string& host) const;
  bool allows_key(const std::string* authorization) const;

  const AccessRules rules_;
};

// Returns whether the texts are equal, in a time that depends on the length of `given` alone.
bool equal_in_constant_time(std::string_view given, std::string_view secret);

// Returns whether a host name, without its port, is this machine's loopback: localhost, 127.x.x.x
// or [::1].
bool is_loopback(std::string_view host);
// Returns a host without its port.
std::string_view without_port(std::string_view host);

}  // namespace gptj::serve
