// SPDX-License-Identifier: Apache-2.0
// JSON text from a file or a request, parsed with caps on nesting and values: nlohmann's parser
// takes none, destroying a value nested a million deep would overflow the stack, and an empty array
// takes twenty times its bytes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/check.h"

namespace gptj {

using Json = nlohmann::json;

// Returns the value as JSON in one line. Bytes that are not UTF-8, as names of files may have,
// become U+FFFD. The one way to write JSON: Json::dump() throws nlohmann's own exception for them.
template <class AnyJson>
std::string dump_text(const AnyJson& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, AnyJson::error_handler_t::replace);
}

// Parses `text`; `name` (a file's path, say) begins every message. Of duplicate keys the last
// counts. Throws kBadFile with the byte at fault, or where there are more values than any file or
// request needs.
Json parse_json(std::string_view text, std::string_view name);

// Throws kInvalidArgument with `field` as its param: "FIELD: expected EXPECTED, found ...".
[[noreturn]] void fail_type(std::string_view field, std::string_view expected, const Json& found);

// parse_json of a file of at most `limit` bytes.
Json parse_json_file(const std::string& path, size_t limit);

}  // namespace gptj
