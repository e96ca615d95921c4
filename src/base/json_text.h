// SPDX-License-Identifier: Apache-2.0
// What every JSON file of a checkpoint needs beyond base/json.h.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace gptj {

// nlohmann's parser keeps the last of several equal keys without a word. Published config.json
// files have such pairs; in a tensor list they would hide a tensor.
enum class DuplicateKeys { kLastCounts, kRefused };

// `text` as a JSON object; `name` (a file's path) begins every message. Throws kBadFile.
Json parse_json_object(std::string_view text, std::string_view name, DuplicateKeys duplicates);

// A value as messages quote it: ASCII, one line, cut when long.
std::string json_excerpt(const Json& value);

}  // namespace gptj
