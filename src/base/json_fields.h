// SPDX-License-Identifier: Apache-2.0
// Reads the fields of JSON objects, each with its type and range checked: FieldReader for an object
// that is read whole, functions for values deep inside a large file. Only .cc files include this.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace gptj {

// A condition that a number must meet; `text` completes "expected ...".
struct NumberRule {
  const char* text;
  bool (*holds)(double);
};
inline constexpr NumberRule kAnyNumber = {"a number", [](double) { return true; }};
inline constexpr NumberRule kPositive = {"a number above 0", [](double v) { return v > 0; }};
inline constexpr NumberRule kNotNegative = {"a number of at least 0",
                                            [](double v) { return v >= 0; }};
inline constexpr NumberRule kFraction = {"a number from 0 to 1",
                                         [](double v) { return v >= 0 && v <= 1; }};

// Reads fields by name. A field that is absent or null reads as empty. A field of another type or
// outside its range throws kBadFile; the message names the file, the field, what was expected and
// what was found. Other fields of the object are ignored.
class FieldReader {
 public:
  // Parses `text`. If a key is there twice the last one counts, because published config.json files
  // have duplicate keys. Throws kBadFile if `text` is no JSON object.
  FieldReader(std::string_view text, const std::string& file)
      : file_(file), object_(parse_json_object(text, file, DuplicateKeys::kLastCounts)) {}

  const std::string& file() const { return file_; }
  const Json& object() const { return object_; }
  bool contains(const char* field) const { return object_.contains(field); }
  bool has(const char* field) const { return find(field) != nullptr; }
  // Returns the value as messages show it; "nothing" if the field is absent.
  std::string found(const char* field) const;

  std::optional<bool> boolean(const char* field) const;
  std::optional<std::string> string(const char* field) const;
  std::optional<double> number(const char* field, const NumberRule& rule) const;
  // REQUIRES: min >= 0.
  std::optional<int64_t> integer(const char* field, int64_t min, int64_t max) const;
  // Returns one token id, or a list of them; empty if the field is absent. Ids may be in no
  // vocabulary, such as -1.
  std::vector<int64_t> token_ids(const char* field) const;
  // Returns a list of lists of token ids; empty if the field is absent.
  std::vector<std::vector<int64_t>> id_lists(const char* field) const;
  std::vector<std::string> strings(const char* field) const;
  // Returns a reader of an object in this one; its messages name the file and this field.
  std::optional<FieldReader> object(const char* field) const;

  // Throws kBadFile with "FILE: FIELD: expected EXPECTED, found VALUE" unless `ok`.
  void expect(bool ok, const char* field, const std::string& expected) const;

 private:
  struct Parsed {};  // tells the constructor of a parsed object from that of a text
  FieldReader(Parsed, Json object, std::string file)
      : file_(std::move(file)), object_(std::move(object)) {}
  const Json* find(const char* field) const;  // null if it is absent or null

  std::string file_;
  Json object_;
};

// Return the value if it has the type. Throw kBadFile, beginning with `where`, if it has not.
const Json& expect_object(const Json& json, const std::string& where);
const Json& expect_array(const Json& json, const std::string& where);
std::string expect_string(const Json& json, const std::string& where);

// Returns the member; null if it is absent.
const Json& member(const Json& object, const char* key);

// Returns the member as a bool; false if it is absent or null.
bool flag(const Json& object, const char* key, const std::string& where);

// Returns the member as a bool; empty if it is absent or null.
std::optional<bool> optional_flag(const Json& object, const char* key, const std::string& where);

// Returns the names of members that are not in `known`, in the order of the file's keys.
std::vector<std::string> unknown_members(const Json& object,
                                         std::initializer_list<const char*> known);

}  // namespace gptj
