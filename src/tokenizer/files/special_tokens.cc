// SPDX-License-Identifier: Apache-2.0
// special_tokens_map.json and tokenizer_config.json: the special tokens, and other settings of
// transformers that change ids. README.md has the table.
#include <algorithm>
#include <charconv>

#include "tokenizer/files/file_readers.h"
#include "tokenizer/files/id_fields.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

// Adds "<|endoftext|>" or {"content": "<|endoftext|>", ...} as a special token.
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
  // Published files have empty strings for tokens that a model does not have.
  if (!token.content.empty()) parts.added.push_back(token);
}

// Adds the tokens of ["<a>", ...], or of {"name": "<a>", ...}, in which transformers 4.46 names
// more special tokens.
void add_special_list(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (json.is_null()) return;
  if (!json.is_object()) expect_array(json, where);
  for (const Json& token : json) add_special(token, where, parts);
}

std::string content_of(const Json& json) {
  const Json& content = json.is_object() ? member(json, "content") : json;
  return content.is_string() ? content.get<std::string>() : std::string();
}

TokenId parse_id(const std::string& text, const std::string& where) {
  TokenId id = -1;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, id);
  check(result.ptr == end && id >= 0 && id <= kMaxTokenId, ErrorCode::kBadFile, where,
        ": expected a token id from 0 to ", kMaxTokenId, " as key, found ", quote(text));
  return id;
}

// Reads {"50257": {"content": "...", ...}, ...}.
void read_added_tokens_decoder(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (json.is_null()) return;
  for (const auto& [id, token] : expect_object(json, where).items()) {
    expect_object(token, where + ": " + id);
    parts.added.push_back(read_added_token(token, where + ": " + id));
    parts.added.back().id = parse_id(id, where);
    parts.added.back().overrides = true;
  }
}

constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                          "pad_token", "cls_token", "mask_token"};
constexpr const char* kSpecialLists[] = {"additional_special_tokens", "extra_special_tokens"};

// Fields of tokenizer_config.json that change no ids of a prompt in transformers either: settings
// for batches and training, texts for people, names of files and classes.
constexpr const char* kWithoutEffect[] = {"backend",
                                          "chat_template",
                                          "cls_token_id",
                                          "device_map",
                                          "do_lower_case",
                                          "errors",
                                          "from_slow",
                                          "init_inputs",
                                          "is_local",
                                          "legacy",
                                          "local_files_only",
                                          "max_len",
                                          "max_length",
                                          "model_input_names",
                                          "model_max_length",
                                          "model_specific_special_tokens",
                                          "name_or_path",
                                          "pad_to_multiple_of",
                                          "pad_token_type_id",
                                          "padding_side",
                                          "processor_class",
                                          "special_tokens_map_file",
                                          "stride",
                                          "tokenizer_class",
                                          "tokenizer_file",
                                          "tokenizer_type",
                                          "trim_offsets",
                                          "truncation_side",
                                          "truncation_strategy",
                                          "use_fast",
                                          "vocab_size"};

// Fields that read_tokenizer_config() reads.
constexpr const char* kRead[] = {"add_prefix_space",     "add_bos_token",
                                 "add_eos_token",        "added_tokens_decoder",
                                 "split_special_tokens", "clean_up_tokenization_spaces"};

template <size_t n>
bool is_one_of(const std::string& key, const char* const (&names)[n]) {
  return std::find(std::begin(names), std::end(names), key) != std::end(names);
}

bool is_special_field(const std::string& key) {
  return is_one_of(key, kSpecialTokens) || is_one_of(key, kSpecialLists);
}

// Warns of unknown fields. transformers ignores such fields without a word, but some are settings
// that it had or will have.
template <typename IsKnown>
void warn_of_unknown(const Json& json, const std::string& name, IsKnown is_known,
                     TokenizerParts& parts) {
  std::string unknown;
  for (const auto& [key, value] : json.items()) {
    if (!is_known(key)) unknown += (unknown.empty() ? "" : ", ") + quote(key);
  }
  if (!unknown.empty()) {
    parts.warnings.push_back(concat(name, ": of no effect here: ", unknown));
  }
}

void read_prefix_space(const Json& json, const std::string& name, TokenizerParts& parts) {
  const auto asked = optional_flag(json, "add_prefix_space", name);
  if (!asked) return;
  if (!parts.pre_tokenizer_is_sequence) {
    parts.prefix_space = *asked;
  } else if (*asked) {
    parts.warnings.push_back(name +
                             ": add_prefix_space: of no effect, as in transformers, where "
                             "tokenizer.json's pre_tokenizer is a Sequence");
  }
}

void read_clean_up(const Json& json, const std::string& name, TokenizerParts& parts) {
  if (!flag(json, "clean_up_tokenization_spaces", name)) return;
  parts.warnings.push_back(name +
                           ": clean_up_tokenization_spaces: of no effect: text is what its tokens "
                           "spell, with the spaces before punctuation");
}

void read_special_fields(const Json& json, const std::string& name, TokenizerParts& parts) {
  for (const char* key : kSpecialTokens) add_special(member(json, key), name + ": " + key, parts);
  for (const char* key : kSpecialLists) {
    add_special_list(member(json, key), name + ": " + key, parts);
  }
  if (parts.bos_token.empty()) parts.bos_token = content_of(member(json, "bos_token"));
  if (parts.eos_token.empty()) parts.eos_token = content_of(member(json, "eos_token"));
}

}  // namespace

AddedToken read_added_token(const Json& json, const std::string& where) {
  // transformers writes "__type" to say that the object is a token.
  expect_only(
      json, {"id", "content", "special", "lstrip", "rstrip", "normalized", "single_word", "__type"},
      where);
  AddedToken token;
  token.content = expect_string(member(json, "content"), where + ": content");
  token.special = flag(json, "special", where);
  token.lstrip = flag(json, "lstrip", where);
  token.rstrip = flag(json, "rstrip", where);
  token.single_word = flag(json, "single_word", where);
  token.normalized = optional_flag(json, "normalized", where);
  token.says_flags = true;
  token.where = where;
  return token;
}

void read_special_tokens_map(const Json& json, const std::string& name, TokenizerParts& parts) {
  expect_object(json, name);
  read_special_fields(json, name, parts);
  warn_of_unknown(json, name, is_special_field, parts);
}

void read_tokenizer_config(const Json& json, const std::string& name, TokenizerParts& parts) {
  expect_object(json, name);
  read_prefix_space(json, name, parts);
  if (flag(json, "add_bos_token", name)) parts.add_bos_name = name + ": add_bos_token";
  if (flag(json, "add_eos_token", name)) parts.add_eos_name = name + ": add_eos_token";
  expect_harmless(json, "split_special_tokens", false, name);
  read_clean_up(json, name, parts);
  const char* key = "added_tokens_decoder";
  read_added_tokens_decoder(member(json, key), name + ": " + key, parts);
  read_special_fields(json, name, parts);
  const auto is_known = [](const std::string& field) {
    return is_special_field(field) || is_one_of(field, kRead) || is_one_of(field, kWithoutEffect);
  };
  warn_of_unknown(json, name, is_known, parts);
}

}  // namespace gptj
