// SPDX-License-Identifier: Apache-2.0
// tokenizer.json, as the Rust library `tokenizers` writes it. Settings with which this engine would
// give other ids are refused, and so are unknown fields. README.md has the table.
#include "tokenizer/files/file_readers.h"
#include "tokenizer/files/id_fields.h"

namespace gptj {
namespace {

void check_model(const Json& model, const std::string& where) {
  expect_only(model,
              {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
               "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"},
              where);
  expect_harmless(model, "type", "BPE", where);  // early versions do not write it
  expect_harmless(model, "dropout", 0.0, where);
  expect_harmless(model, "continuing_subword_prefix", "", where);
  expect_harmless(model, "end_of_word_suffix", "", where);
  // These fields are about bytes without a token. They change nothing, because a vocabulary that
  // opens has a token for each byte.
  for (const char* key : {"fuse_unk", "byte_fallback"}) flag(model, key, where);
}

// Reads "a b", or ["a", "b"] as newer versions write it.
MergeRule read_merge(const Json& json, size_t place, const std::string& merges_name) {
  if (json.is_string()) {
    return parse_merge(json.get_ref<const std::string&>(), place, merges_name);
  }
  const std::string where = concat(merges_name, " ", place);
  check(expect_array(json, where).size() == 2, ErrorCode::kBadFile, where,
        ": expected 2 tokens, found ", json.size());
  return {expect_string(json[0], where), expect_string(json[1], where), place};
}

void read_model(const Json& model, const std::string& where, TokenizerParts& parts) {
  check_model(expect_object(model, where), where);
  parts.vocabulary_name = where + ".vocab";
  parts.vocabulary = read_vocabulary(member(model, "vocab"), parts.vocabulary_name);
  parts.merges_name = where + ".merges: entry";
  for (const Json& merge : expect_array(member(model, "merges"), where + ".merges")) {
    parts.merges.push_back(read_merge(merge, parts.merges.size(), parts.merges_name));
  }
  parts.ignore_merges = flag(model, "ignore_merges", where);
}

void read_added_tokens(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (json.is_null()) return;
  for (const Json& token : expect_array(json, where)) {
    parts.added.push_back(read_added_token(expect_object(token, where), where));
    parts.added.back().id = expect_id(member(token, "id"), where, "id");
  }
}

}  // namespace

void read_tokenizer_json(const Json& json, const std::string& name, TokenizerParts& parts) {
  expect_only(expect_object(json, name),
              {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
               "post_processor", "decoder", "model"},
              name);
  expect_harmless(json, "version", "1.0", name);
  read_normalizer(member(json, "normalizer"), name + ": normalizer", parts);
  read_pre_tokenizer(member(json, "pre_tokenizer"), name + ": pre_tokenizer", parts);
  read_post_processor(member(json, "post_processor"), name + ": post_processor", parts);
  check_decoder(member(json, "decoder"), name + ": decoder");
  read_model(member(json, "model"), name + ": model", parts);
  read_added_tokens(member(json, "added_tokens"), name + ": added_tokens", parts);
}

}  // namespace gptj
