// SPDX-License-Identifier: Apache-2.0
// The steps of a tokenizer.json: normalizer, pre_tokenizer, post_processor, decoder. README.md has
// the table of the settings that are honoured and refused.
#include <algorithm>

#include "tokenizer/files/file_readers.h"
#include "tokenizer/files/id_fields.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

// Spellings of GPT-2's regular expression in published files. The second and third are tiktoken's.
constexpr const char* kGpt2Regex[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)"};

std::string type_of(const Json& json) {
  const Json& type = json.is_object() ? member(json, "type") : json;
  return type.is_string() ? type.get<std::string>() : json.is_null() ? "none" : json.type_name();
}

[[noreturn]] void refuse(const std::string& where, const char* expected, const std::string& found) {
  fail(ErrorCode::kUnsupported, concat(where, ": expected ", expected, ", found ", found,
                                       "; this engine would give other token ids"));
}

// Returns the steps of a Sequence, which its member `key` lists, and of the Sequences in it. Any
// other object is one step.
std::vector<Json> steps_of(const Json& json, const char* key, const std::string& where) {
  if (json.is_null()) return {};
  if (type_of(expect_object(json, where)) != "Sequence") return {json};
  expect_only(json, {"type", key}, where);
  std::vector<Json> steps;
  for (const Json& step : expect_array(member(json, key), where + ": " + key)) {
    for (Json& inner : steps_of(expect_object(step, where), key, where))
      steps.push_back(std::move(inner));
  }
  return steps;
}

// Checks the fields of a ByteLevel step. trim_offsets changes only offsets, which this engine does
// not give; so does add_prefix_space in a post_processor. In a pre_tokenizer it changes ids, and
// read_pre_tokenizer() reads it.
void check_byte_level(const Json& step, const std::string& where) {
  expect_only(step, {"type", "add_prefix_space", "trim_offsets", "use_regex"}, where);
  for (const char* key : {"add_prefix_space", "trim_offsets", "use_regex"}) flag(step, key, where);
}

void check_pattern(const Json& pattern, const std::string& where) {
  const Json& regex = member(expect_object(pattern, where), "Regex");
  const bool is_gpt2 = std::any_of(std::begin(kGpt2Regex), std::end(kGpt2Regex),
                                   [&](const char* known) { return regex == known; });
  if (!is_gpt2) refuse(where, "GPT-2's regular expression", quote(pattern.dump()));
}

// Checks a Split step. The expression matches all of a text, so that no text is between the
// matches, and Removed with invert does the same as Isolated.
void check_split(const Json& step, const std::string& where) {
  expect_only(step, {"type", "pattern", "behavior", "invert"}, where);
  check_pattern(member(step, "pattern"), where + ": pattern");
  const bool invert = flag(step, "invert", where);
  const std::string behavior = expect_string(member(step, "behavior"), where + ": behavior");
  const bool ok = behavior == "Isolated" || (behavior == "Removed" && invert);
  if (!ok) refuse(where + ": behavior", "Isolated, or Removed with invert", quote(behavior));
}

TokenId template_id(const Json& json, const std::string& where) {
  return expect_id(json, where, "id");
}

// Returns the id of ["<s>", 0].
TokenId id_of_pair(const Json& json, const std::string& where) {
  const bool ok = json.is_array() && json.size() == 2 && json[0].is_string();
  check(ok, ErrorCode::kBadFile, where, ": expected a token and its id, found ",
        quote(json.dump()));
  return template_id(json[1], where);
}

// Returns the ids that special_tokens has for {"SpecialToken": {"id": "<s>", "type_id": 0}}.
std::vector<TokenId> ids_of_special(const Json& piece, const Json& special_tokens,
                                    const std::string& where) {
  const std::string name = expect_string(member(expect_object(piece, where), "id"), where);
  const std::string place = concat(where, ": special_tokens: ", quote(name));
  const Json& token = member(expect_object(special_tokens, where), name.c_str());
  std::vector<TokenId> ids;
  for (const Json& id : expect_array(member(expect_object(token, place), "ids"), place + ": ids")) {
    ids.push_back(template_id(id, place));
  }
  return ids;
}

void read_template(const Json& step, const std::string& where, TokenizerParts& parts) {
  expect_only(step, {"type", "single", "pair", "special_tokens"}, where);
  const std::string place = where + ": single";
  size_t texts = 0;
  for (const Json& piece : expect_array(member(step, "single"), place)) {
    const Json& sequence = member(expect_object(piece, place), "Sequence");
    const Json& special = member(piece, "SpecialToken");
    if (sequence.is_object() && member(sequence, "id") == "A") {
      ++texts;
    } else if (special.is_object()) {
      auto& side = texts == 0 ? parts.front : parts.back;
      for (const TokenId id : ids_of_special(special, member(step, "special_tokens"), where)) {
        side.push_back(id);
      }
    } else {
      refuse(place, "the text A and special tokens", quote(piece.dump()));
    }
  }
  if (texts != 1) refuse(place, "the text A once", concat("it ", texts, " times"));
}

// Reads RobertaProcessing or BertProcessing: cls in front of a text, sep behind it.
void read_cls_and_sep(const Json& step, const std::string& where, TokenizerParts& parts) {
  expect_only(step, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"}, where);
  parts.front = {id_of_pair(member(step, "cls"), where + ": cls")};
  parts.back = {id_of_pair(member(step, "sep"), where + ": sep")};
}

}  // namespace

void read_normalizer(const Json& json, const std::string& where, TokenizerParts& parts) {
  for (const Json& step : steps_of(json, "normalizers", where)) {
    if (type_of(step) != "NFC") refuse(where, "none or NFC", type_of(step));
    expect_only(step, {"type"}, where);
    parts.nfc = true;
  }
}

void read_pre_tokenizer(const Json& json, const std::string& where, TokenizerParts& parts) {
  std::vector<Json> steps = steps_of(json, "pretokenizers", where);
  parts.pre_tokenizer_is_sequence = type_of(json) == "Sequence";
  const bool splits = steps.size() == 2 && type_of(steps[0]) == "Split";
  if (splits) {
    check_split(steps[0], where);
    steps.erase(steps.begin());
  }
  if (steps.size() != 1) refuse(where, "one ByteLevel, or Split and ByteLevel", type_of(json));
  if (type_of(steps[0]) != "ByteLevel") refuse(where, "ByteLevel", type_of(steps[0]));
  check_byte_level(steps[0], where);
  // The words of Split are those of GPT-2, and GPT-2's expression splits them no further.
  if (!splits) expect_harmless(steps[0], "use_regex", true, where);
  // A space would be put in front of each word of Split.
  if (splits) expect_harmless(steps[0], "add_prefix_space", false, where);
  parts.prefix_space = flag(steps[0], "add_prefix_space", where);
}

void read_post_processor(const Json& json, const std::string& where, TokenizerParts& parts) {
  for (const Json& step : steps_of(json, "processors", where)) {
    const std::string type = type_of(step);
    if (type == "ByteLevel") {
      check_byte_level(step, where);
      continue;
    }
    const bool is_pair = type == "RobertaProcessing" || type == "BertProcessing";
    if (type != "TemplateProcessing" && !is_pair) {
      refuse(where, "none, ByteLevel, TemplateProcessing, RobertaProcessing or BertProcessing",
             type);
    }
    if (!parts.around_name.empty()) refuse(where, "one template", "two");
    parts.around_name = where;
    is_pair ? read_cls_and_sep(step, where, parts) : read_template(step, where, parts);
  }
}

void check_decoder(const Json& json, const std::string& where) {
  const std::vector<Json> steps = steps_of(json, "decoders", where);
  if (steps.empty()) return;
  if (steps.size() != 1 || type_of(steps[0]) != "ByteLevel") {
    fail(ErrorCode::kUnsupported, concat(where, ": expected none or ByteLevel, found ",
                                         type_of(steps.size() == 1 ? steps[0] : json),
                                         "; this engine would give other text"));
  }
  check_byte_level(steps[0], where);
}

}  // namespace gptj
