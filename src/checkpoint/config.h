// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gptj/checkpoint.h"
#include "gptj/error.h"

namespace gptj {

// Each is one line that names file and field: what works, but not as the file says.
using Warnings = std::vector<std::string>;

// Reads config.json as GPTJConfig does, with its defaults and aliases. `file` begins every message.
// Throws kBadFile for fields of a wrong type, out of range or at odds; kUnsupported for other
// models. Token ids are checked by drop_foreign_ids(), once the true vocab_size is known.
ModelConfig parse_config(std::string_view text, const std::string& file, Warnings& warnings);

// Returns a config.json that parse_config() reads back.
std::string config_json(const ModelConfig& config);

// Returns whether lm_head.weight is wte.weight, and is not in the file.
bool has_tied_head(std::string_view config, const std::string& file);

// Returns whether the tensors have GPT-Neo's names, which neo_to_gptj_name() translates.
bool has_neo_names(std::string_view config, const std::string& file);

// Reads generation_config.json, or the same fields of another file. Fields that change tokens and
// that this engine does not honour are warned of.
GenerationDefaults parse_generation_defaults(std::string_view text, const std::string& file,
                                             Warnings& warnings);

// Returns the fields of config.json that transformers takes as settings where there is no
// generation_config.json, as a JSON object.
std::string settings_in_config(std::string_view config, const std::string& file);

// Takes out ids that are not below `vocab_size`, which can never come, and warns of them.
void drop_foreign_ids(ModelConfig& config, const std::string& file, Warnings& warnings);
void drop_foreign_ids(GenerationDefaults& defaults, int64_t vocab_size, const std::string& file,
                      Warnings& warnings);

// GPT-2's end of text as bos and eos, for formats that name neither: where the vocabulary has it.
void adopt_end_of_text(ModelConfig& config);

// Throws `code` unless every size is in its range and they fit together.
void check_config(const ModelConfig& config, ErrorCode code, const std::string& where);

// Warns of settings in the config.json of `folder` that ask for something while its
// generation_config.json, which counts in their place, says something else. Both are JSON objects.
void warn_of_other_settings(std::string_view in_config, std::string_view generation_config,
                            const std::string& folder, Warnings& warnings);

// Drops foreign ids and lets bos and end ids of the settings count before those of config.json.
void adopt_generation_defaults(GenerationDefaults& defaults, const std::string& file,
                               ModelConfig& config, Warnings& warnings);

}  // namespace gptj
