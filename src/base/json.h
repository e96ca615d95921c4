// SPDX-License-Identifier: Apache-2.0
// Parses, writes and destroys JSON. Only .cc files include this header.
//
// Text from a file or a request is parsed with limits on nesting and on the number of values.
// nlohmann's parser has no such limits. Destroying a value nested a million deep would overflow the
// stack, and an empty array takes twenty times its bytes.
#pragma once

#include <cstddef>
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

// The treatment of equal keys in one object. nlohmann's parser silently keeps the last one.
// Published config.json files have equal keys; in a list of tensors they would hide a tensor.
enum class DuplicateKeys { kLastCounts, kRefused };

// Parses `text` as a JSON object. `name` (a file's path) begins every message. Throws kBadFile.
Json parse_json_object(std::string_view text, std::string_view name, DuplicateKeys duplicates);

// Returns a value as messages quote it: in ASCII, on one line, cut if long.
std::string json_excerpt(const Json& value);
// The same as a part of a check's message, made only if the check fails. REQUIRES: the value
// outlives the check.
inline auto lazy_excerpt(const Json& value) {
  return [&value] { return json_excerpt(value); };
}
inline auto lazy_excerpt(const std::string& text) {
  return [&text] { return json_excerpt(text); };
}

// Returns an object with room for that many fields. An object that keeps the order of its fields
// would otherwise copy them all whenever it grows, and then destroy the copied ones, for which
// there may be no memory (see take_apart).
template <class AnyJson>
AnyJson object_of(size_t fields) {
  AnyJson object = AnyJson::object();
  object.template get_ref<typename AnyJson::object_t&>().reserve(fields);
  return object;
}

// Empties a value of nlohmann's without allocating memory. nlohmann's own destructor puts nested
// values into a vector, and ends the process if there is no memory for the vector. REQUIRES: the
// value began as an object or array and not as null. If operator[] turns null into an object and
// memory runs out, the value is damaged.
template <class AnyJson>
void take_apart(AnyJson& value) noexcept {
  // Recursion is at most as deep as parse_json() lets values be nested.
  if (auto* array = value.template get_ptr<typename AnyJson::array_t*>()) {
    for (AnyJson& child : *array) take_apart(child);
    array->clear();
  } else if (auto* object = value.template get_ptr<typename AnyJson::object_t*>()) {
    for (auto& item : *object) take_apart(item.second);
    object->clear();
  }
}

// Calls take_apart() at the end of a scope.
template <class AnyJson>
class TakenApart {
 public:
  explicit TakenApart(AnyJson& value) : value_(value) {}
  ~TakenApart() { take_apart(value_); }
  TakenApart(const TakenApart&) = delete;
  TakenApart& operator=(const TakenApart&) = delete;

 private:
  AnyJson& value_;
};

}  // namespace gptj
