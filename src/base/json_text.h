// SPDX-License-Identifier: Apache-2.0
// Functions for the JSON files of a checkpoint, beyond those of base/json.h.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace gptj {

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

}  // namespace gptj
