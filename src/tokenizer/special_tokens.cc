// SPDX-License-Identifier: Apache-2.0
// special_tokens_map.json and tokenizer_config.json: which tokens are special.
#include <charconv>

#include "tokenizer/file_readers.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

// "<|endoftext|>" or {"content": "<|endoftext|>", ...}
void add_special(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (json.is_null()) return;
  AddedToken token;
  if (json.is_object()) {
    token = read_added_token(json, where);
  } else {
    token.content = expect_string(json, where);
    token.where = where;
  }
  token.special = true;
  // Published files have empty strings for tokens that a model lacks.
  if (!token.content.empty()) parts.added.push_back(token);
}

void add_special_list(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (json.is_null()) return;
  for (const Json& token : expect_array(json, where)) add_special(token, where, parts);
}

TokenId parse_id(const std::string& text, const std::string& where) {
  TokenId id = -1;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, id);
  check(result.ptr == end && id >= 0 && id <= kMaxTokenId, ErrorCode::kBadFile, where,
        ": expected a token id from 0 to ", kMaxTokenId, " as key, found ", quote(text));
  return id;
}

// {"50257": {"content": "...", ...}, ...}
void read_added_tokens_decoder(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (json.is_null()) return;
  for (const auto& [id, token] : expect_object(json, where).items()) {
    parts.added.push_back(read_added_token(token, where + ": " + id));
    parts.added.back().id = parse_id(id, where);
  }
}

constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                          "pad_token", "cls_token", "mask_token"};

}  // namespace

AddedToken read_added_token(const Json& json, const std::string& where) {
  AddedToken token;
  token.content = expect_string(member(expect_object(json, where), "content"), where + ": content");
  token.special = flag(json, "special", where);
  token.lstrip = flag(json, "lstrip", where);
  token.rstrip = flag(json, "rstrip", where);
  token.where = where;
  expect_harmless(json, "single_word", false, where + ": " + quote(token.content));
  return token;
}

void read_special_tokens_map(const Json& json, const std::string& name, TokenizerParts& parts) {
  expect_object(json, name);
  for (const char* key : kSpecialTokens) add_special(member(json, key), name + ": " + key, parts);
  const char* key = "additional_special_tokens";
  add_special_list(member(json, key), name + ": " + key, parts);
}

void read_tokenizer_config(const Json& json, const std::string& name, TokenizerParts& parts) {
  expect_object(json, name);
  expect_harmless(json, "add_prefix_space", false, name);
  expect_harmless(json, "add_bos_token", false, name);
  const char* key = "added_tokens_decoder";
  read_added_tokens_decoder(member(json, key), name + ": " + key, parts);
  read_special_tokens_map(json, name, parts);
}

}  // namespace gptj
