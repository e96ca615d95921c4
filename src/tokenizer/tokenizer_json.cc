// SPDX-License-Identifier: Apache-2.0
// tokenizer.json, as the Rust library `tokenizers` writes it. What would change ids is refused;
// what would not (truncation, padding, decoder, trim_offsets) is not looked at.
#include "tokenizer/file_readers.h"
#include "tokenizer/json_fields.h"

namespace gptj {
namespace {

std::string type_of(const Json& json) {
  const Json& type = json.is_object() ? member(json, "type") : json;
  return type.is_string() ? type.get<std::string>() : json.is_null() ? "none" : json.type_name();
}

void refuse(const std::string& where, const char* expected, const Json& found) {
  fail(ErrorCode::kUnsupported, concat(where, ": expected ", expected, ", found ", type_of(found),
                                       "; this engine would give other token ids"));
}

// The steps of a Sequence, whose member `key` lists them; of any other object, itself.
std::vector<Json> steps_of(const Json& json, const char* key, const std::string& where) {
  if (json.is_null()) return {};
  if (type_of(expect_object(json, where)) != "Sequence") return {json};
  return expect_array(member(json, key), where + ": " + key).get<std::vector<Json>>();
}

void check_normalizer(const Json& json, const std::string& where) {
  if (!steps_of(json, "normalizers", where).empty()) refuse(where, "none", json);
}

void check_pre_tokenizer(const Json& json, const std::string& where) {
  const std::vector<Json> steps = steps_of(json, "pretokenizers", where);
  if (steps.size() != 1) refuse(where, "one ByteLevel", json);
  if (type_of(steps[0]) != "ByteLevel") refuse(where, "ByteLevel", steps[0]);
  expect_harmless(steps[0], "add_prefix_space", false, where);
  expect_harmless(steps[0], "use_regex", true, where);
}

// Others put tokens in front of the text or behind it.
void check_post_processor(const Json& json, const std::string& where) {
  for (const Json& step : steps_of(json, "processors", where)) {
    if (type_of(step) != "ByteLevel") refuse(where, "none or ByteLevel", step);
  }
}

void check_model(const Json& model, const std::string& where) {
  expect_harmless(model, "type", "BPE", where);  // absent in files of early versions
  expect_harmless(model, "dropout", 0.0, where);
  expect_harmless(model, "continuing_subword_prefix", "", where);
  expect_harmless(model, "end_of_word_suffix", "", where);
  expect_harmless(model, "byte_fallback", false, where);
}

// "a b", or ["a", "b"] as newer versions write.
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
    parts.added.push_back(read_added_token(token, where));
    parts.added.back().id = expect_id(member(token, "id"), where, "id");
  }
}

}  // namespace

void read_tokenizer_json(const Json& json, const std::string& name, TokenizerParts& parts) {
  expect_object(json, name);
  check_normalizer(member(json, "normalizer"), name + ": normalizer");
  check_pre_tokenizer(member(json, "pre_tokenizer"), name + ": pre_tokenizer");
  check_post_processor(member(json, "post_processor"), name + ": post_processor");
  read_model(member(json, "model"), name + ": model", parts);
  read_added_tokens(member(json, "added_tokens"), name + ": added_tokens", parts);
}

}  // namespace gptj
