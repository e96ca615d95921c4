// SPDX-License-Identifier: Apache-2.0
// The fields of a model's settings that transformers has, and how the engine treats each, so that
// it drops no setting in silence. README.md beside this file has them as a table.
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
  kWarned,    // would change tokens and is not done: a warning if its value is not neutral
  kRefused,   // describes another model: an error if its value is not neutral
};

struct KnownField {
  const char* name;
  FieldEffect effect;
  // Values that ask for nothing, as a JSON list. null and false always ask for nothing.
  const char* neutral = "[]";
  const char* note = "";  // completes a warning or a refusal
};

// Fields of config.json, with those settings of generation that it may have.
extern const std::span<const KnownField> kConfigFields;
// Fields of generation_config.json.
extern const std::span<const KnownField> kGenerationFields;

// Returns the entry of that name, or null if there is none.
const KnownField* find_field(std::span<const KnownField> fields, std::string_view name);

// Returns whether the object has the field with a value that asks for something.
bool is_asked(const FieldReader& json, const KnownField& field);

// Adds a warning for each field of the object that asks for something that is not done, and one
// warning for all fields that `fields` does not list. Throws kUnsupported for a field that is
// refused.
void warn_of_fields(const FieldReader& json, std::span<const KnownField> fields,
                    std::vector<std::string>& warnings);

}  // namespace gptj
