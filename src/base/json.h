// SPDX-License-Identifier: Apache-2.0
// Parses JSON text from a file or a request, with limits on nesting and on the number of values.
// nlohmann's parser has no such limits. Destroying a value nested a million deep would overflow the
// stack, and an empty array takes twenty times its bytes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/check.h"

namespace gptj {

using Json = nlohmann::json;

// Returns the value as JSON in one line. Bytes that are not UTF-8, as names of files may have,
// become U+FFFD. All code writes JSON with this function, because Json::dump() throws nlohmann's
// own exception for such bytes.
template <class AnyJson>
std::string dump_text(const AnyJson& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, AnyJson::error_handler_t::replace);
}

// Parses `text`. `name` (a file's path, for instance) begins every message. Of duplicate keys the
// last counts. Throws kBadFile with the byte at fault, or if values are nested deeper or are more
// than any file or request needs.
Json parse_json(std::string_view text, std::string_view name);

// Throws kInvalidArgument with `field` as its param: "FIELD: expected EXPECTED, found ...".
[[noreturn]] void fail_type(std::string_view field, std::string_view expected, const Json& found);

// Reads a file of at most `limit` bytes and parses it. Throws as read_text_file() and parse_json()
// do.
Json parse_json_file(const std::string& path, size_t limit);

}  // namespace gptj
