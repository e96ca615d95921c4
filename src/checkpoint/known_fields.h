// SPDX-License-Identifier: Apache-2.0
// The fields of a model's settings that transformers has, and what becomes of each: nothing that a
// file says is dropped in silence. README.md beside this file has them as a table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gptj {

class FieldReader;

enum class FieldEffect {
  kHonoured,  // read by the parser of its file
  kNone,      // changes no token of a text, whatever its value
  kWarned,    // would change tokens and is not done: one warning where its value is not neutral
  kRefused,   // describes another model: an error where its value is not neutral
};

struct KnownField {
  const char* name;
  FieldEffect effect;
  // JSON of values that ask for nothing, as a list; null and false always do.
  const char* neutral = "[]";
  const char* note = "";  // completes a warning or a refusal
};

// config.json, and those of its fields that are settings of generation.
extern const std::span<const KnownField> kConfigFields;
// generation_config.json.
extern const std::span<const KnownField> kGenerationFields;

// Returns the entry of that name, or null.
const KnownField* find_field(std::span<const KnownField> fields, std::string_view name);

// Returns whether the object has the field with a value that asks for something.
bool is_asked(const FieldReader& json, const KnownField& field);

// Adds a warning for each field of the object that asks for what is not done, and one for those
// that are in no table. Throws kUnsupported for a field that is refused.
void warn_of_fields(const FieldReader& json, std::span<const KnownField> fields,
                    std::vector<std::string>& warnings);

}  // namespace gptj
