// SPDX-License-Identifier: Apache-2.0
// Readers of the formats of a tokenizer's files. Each reads into TokenizerParts. Only .cc files
// include this.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenizer/tokenizer_parts.h"

namespace gptj {

// Read one file each; `name` begins every message.
void read_tokenizer_json(const Json& json, const std::string& name, TokenizerParts& parts);
void read_vocab_json(const Json& json, const std::string& name, TokenizerParts& parts);
void read_merges_txt(const std::string& text, const std::string& name, TokenizerParts& parts);
void read_added_tokens_json(const Json& json, const std::string& name, TokenizerParts& parts);
void read_special_tokens_map(const Json& json, const std::string& name, TokenizerParts& parts);
void read_tokenizer_config(const Json& json, const std::string& name, TokenizerParts& parts);

// Read or check one step of a tokenizer.json each; `where` begins every message.
void read_normalizer(const Json& json, const std::string& where, TokenizerParts& parts);
void read_pre_tokenizer(const Json& json, const std::string& where, TokenizerParts& parts);
void read_post_processor(const Json& json, const std::string& where, TokenizerParts& parts);
void check_decoder(const Json& json, const std::string& where);

// Parses "a b".
MergeRule parse_merge(std::string_view text, size_t place, const std::string& merges_name);

// Reads {"token": id, ...}.
std::vector<VocabularyEntry> read_vocabulary(const Json& json, const std::string& name);

// Reads {"content": "...", "lstrip": false, ...}.
AddedToken read_added_token(const Json& json, const std::string& where);

}  // namespace gptj
