// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "gptj/checkpoint.h"
#include "gptj/error.h"

namespace gptj {

// config.json. `file` begins every message. Throws kBadFile for fields that are missing, of a wrong
// type, out of range or at odds; kUnsupported for other models and tied weights. Token
// ids are checked by check_token_ids, once the true vocab_size is known.
ModelConfig parse_config(std::string_view text, const std::string& file);

// The same as config.json that parse_config() reads back.
std::string config_json(const ModelConfig& config);

// generation_config.json.
GenerationDefaults parse_generation_defaults(std::string_view text, const std::string& file);

// GPT-2's end of text as bos and eos, for formats that name neither: where the vocabulary has it.
void adopt_end_of_text(ModelConfig& config);

// Throws `code` unless every size is in its range and they fit together.
void check_config(const ModelConfig& config, ErrorCode code, const std::string& where);

// Throws kBadFile where a bos or eos id is not below `vocab_size`.
void check_token_ids(const std::optional<int64_t>& bos, const std::vector<int64_t>& eos,
                     int64_t vocab_size, const std::string& file);

}  // namespace gptj
