// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gptj/checkpoint.h"
#include "gptj/error.h"

namespace gptj {

class FieldReader;

// Lines that each name a file and a field: the engine goes on, but not as the file says.
using Warnings = std::vector<std::string>;

// Reads config.json as GPTJConfig does, with its defaults and aliases.
// Throws kBadFile if fields have a wrong type, are out of range or contradict each other;
// kUnsupported if it describes another model. Token ids are not checked here but by
// drop_foreign_ids(), once the true vocab_size is known.
ModelConfig parse_config(const FieldReader& json, Warnings& warnings);

// Returns a config.json that parse_config() reads back.
std::string config_json(const ModelConfig& config);

// Returns whether lm_head.weight is wte.weight, so that the file need not have it.
bool has_tied_head(const FieldReader& config);

// Returns whether the tensors have GPT-Neo's names, which neo_to_gptj_name() translates.
bool has_neo_names(const FieldReader& config);

// Reads generation_config.json, or the same fields of another file. Warns of fields that would
// change tokens and that this engine does not honour.
GenerationDefaults parse_generation_defaults(std::string_view text, const std::string& file,
                                             Warnings& warnings);

// Returns, as a JSON object, the fields of config.json that transformers takes as settings if there
// is no generation_config.json; empty if there are none.
std::string settings_in_config(const FieldReader& config);

// Removes ids outside 0 .. vocab_size - 1, because they can never come, and warns of them.
void drop_foreign_ids(ModelConfig& config, const std::string& file, Warnings& warnings);
void drop_foreign_ids(GenerationDefaults& defaults, int64_t vocab_size, const std::string& file,
                      Warnings& warnings);

// Sets bos and eos to GPT-2's end of text (50256) if the vocabulary has it, for formats that name
// neither.
void adopt_end_of_text(ModelConfig& config);

// Throws `code` unless every size is in its range and the sizes fit together. `where` begins the
// message.
void check_config(const ModelConfig& config, ErrorCode code, const std::string& where);

// Warns of settings in config.json that ask for something, if generation_config.json says something
// else, because generation_config.json counts in their place. Both texts are JSON objects; `folder`
// is where both files lie.
void warn_of_other_settings(std::string_view in_config, std::string_view generation_config,
                            const std::string& folder, Warnings& warnings);

// Drops foreign ids from `defaults`, and puts the bos and end ids of `defaults`, if it names any,
// in place of those in `config`.
void adopt_generation_defaults(GenerationDefaults& defaults, const std::string& file,
                               ModelConfig& config, Warnings& warnings);

}  // namespace gptj
