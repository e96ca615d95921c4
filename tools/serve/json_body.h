// SPDX-License-Identifier: Apache-2.0
// The bodies of requests as JSON, and fields read from them with errors that name the field.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "gptj/generate.h"

namespace gptj::serve {

using Json = nlohmann::ordered_json;

// Returns the object that a body is. Throws kInvalidArgument for anything else, and for JSON of
// more than 64 levels or 4 million values, which takes memory and time out of proportion.
Json parse_body(std::string_view body);

// Throws kInvalidArgument: "FIELD: expected EXPECTED, found the value".
[[noreturn]] void fail_field(const std::string& field, const std::string& expected,
                             const Json& found);

// Return the field's value; none if it is absent or null. Throw as fail_field() for another type.
std::optional<bool> flag_of(const Json& body, const char* field);
std::optional<int64_t> integer_of(const Json& body, const char* field);
std::optional<double> number_of(const Json& body, const char* field);
std::optional<std::string> text_of(const Json& body, const char* field);
// Returns the ids of a list of integers.
std::vector<TokenId> ids_of(const Json& list, const std::string& field);

// Returns JSON in one line; bytes that are not UTF-8 become U+FFFD.
std::string dump(const Json& json);

}  // namespace gptj::serve
