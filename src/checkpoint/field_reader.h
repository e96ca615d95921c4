// SPDX-License-Identifier: Apache-2.0
// Fields of a JSON object, each with its type and range checked. Only .cc files include this.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_text.h"

namespace gptj {

// What a number must be; `text` completes "expected ...".
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

// A field that is absent or null reads as empty; one of another type or outside its range throws
// kBadFile with file, field, expected and found. Other fields of the object are ignored.
class FieldReader {
 public:
  // Duplicate keys are tolerated, the last counts: published config.json files have them.
  FieldReader(std::string_view text, const std::string& file)
      : file_(file), object_(parse_json_object(text, file, DuplicateKeys::kLastCounts)) {}

  const std::string& file() const { return file_; }
  const Json& object() const { return object_; }
  bool contains(const char* field) const { return object_.contains(field); }
  bool has(const char* field) const { return find(field) != nullptr; }
  // The value as messages show it; "nothing" where the field is absent.
  std::string found(const char* field) const;

  std::optional<bool> boolean(const char* field) const;
  std::optional<std::string> string(const char* field) const;
  std::optional<double> number(const char* field, const NumberRule& rule) const;
  // min is not negative.
  std::optional<int64_t> integer(const char* field, int64_t min, int64_t max) const;
  // A token id, or a list of them; empty where absent. Some are in no vocabulary, as -1.
  std::vector<int64_t> token_ids(const char* field) const;
  // A list of lists of token ids; empty where absent.
  std::vector<std::vector<int64_t>> id_lists(const char* field) const;
  std::vector<std::string> strings(const char* field) const;
  // An object within; its messages name file and field.
  std::optional<FieldReader> object(const char* field) const;

  // Throws with "FILE: FIELD: expected EXPECTED, found VALUE".
  void expect(bool ok, const char* field, const std::string& expected) const;

 private:
  const Json* find(const char* field) const;  // null where absent or null

  std::string file_;
  Json object_;
};

}  // namespace gptj
