// SPDX-License-Identifier: Apache-2.0
// One test per message.
#include <gtest/gtest.h>

#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

constexpr auto kBadFile = ErrorCode::kBadFile;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

// A pre_tokenizer of Split and ByteLevel, changed by both.
void set_split(Json& json, const Json& byte_level, const Json& split = Json::object()) {
  Json steps = {{{"type", "Split"},
                 {"pattern", {{"Regex", kGpt2Regex}}},
                 {"behavior", "Isolated"},
                 {"invert", false}},
                {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}};
  steps[0].update(split);
  if (byte_level.is_object()) steps[1].update(byte_level);
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
}

void set_template(Json& json, const Json& single) {
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", single},
      {"special_tokens", {{"<e>", {{"id", "<e>"}, {"ids", {261}}, {"tokens", {"<e>"}}}}}}};
}

struct Bent {
  ErrorCode code;
  const char* message;
  std::function<void(Json&)> bend;
};

TEST(TokenizerErrors, TokenizerJson) {
  const Bent cases[] = {
      {kBadFile, "folder/tokenizer.json: expected an object, found array",
       [](Json& j) { j = Json::array(); }},
      {kUnsupported,
       "tokenizer.json: normalizer: expected none or NFC, found Lowercase; this engine",
       [](Json& j) { j["normalizer"]["type"] = "Lowercase"; }},
      {kBadFile, "normalizer: expected an object, found null",
       [](Json& j) {
         j["normalizer"] = {{"type", "Sequence"}, {"normalizers", {nullptr}}};
       }},
      {kUnsupported, "normalizer: expected none or NFC, found StripAccents",
       [](Json& j) {
         j["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "StripAccents"}}}}};
       }},
      {kBadFile, "normalizer: expected an object, found number",
       [](Json& j) { j["normalizer"] = 3; }},
      {kBadFile, "normalizer: normalizers: expected an array, found null",
       [](Json& j) { j["normalizer"]["type"] = "Sequence"; }},
      {kUnsupported, "pre_tokenizer: expected one ByteLevel, or Split and ByteLevel, found none",
       [](Json& j) { j["pre_tokenizer"] = nullptr; }},
      {kUnsupported, "pre_tokenizer: expected ByteLevel, found Metaspace",
       [](Json& j) { j["pre_tokenizer"]["type"] = "Metaspace"; }},
      {kBadFile, "pre_tokenizer: expected an object, found number",
       [](Json& j) {
         j["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {1, 2}}};
       }},
      {kUnsupported,
       "pre_tokenizer: expected one ByteLevel, or Split and ByteLevel, found Sequence",
       [](Json& j) {
         const Json step = j["pre_tokenizer"];
         j["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {step, step}}};
       }},
      {kUnsupported, "pre_tokenizer: add_prefix_space: expected false, found \"true\"",
       [](Json& j) {
         set_split(j, {{"add_prefix_space", true}});
       }},
      {kUnsupported, "pre_tokenizer: pattern: expected GPT-2's regular expression, found \"{\"",
       [](Json& j) {
         set_split(j, {}, {{"pattern", {{"Regex", ".+"}}}});
       }},
      {kBadFile, "pre_tokenizer: pattern: expected an object, found string",
       [](Json& j) {
         set_split(j, {}, {{"pattern", " "}});
       }},
      {kUnsupported,
       "pre_tokenizer: behavior: expected Isolated, or Removed with invert, found \"Contiguous\"",
       [](Json& j) {
         set_split(j, {}, {{"behavior", "Contiguous"}});
       }},
      {kBadFile, "pre_tokenizer: behavior: expected a string, found null",
       [](Json& j) {
         set_split(j, {}, {{"behavior", nullptr}});
       }},
      {kBadFile, "pre_tokenizer: trim_offsets: expected true or false, found string",
       [](Json& j) { j["pre_tokenizer"]["trim_offsets"] = "no"; }},
      {kUnsupported, "pre_tokenizer: use_regex: expected true, found \"false\"",
       [](Json& j) { j["pre_tokenizer"]["use_regex"] = false; }},
      {kUnsupported,
       "post_processor: expected none, ByteLevel, TemplateProcessing, RobertaProcessing or "
       "BertProcessing, found Other",
       [](Json& j) { j["post_processor"]["type"] = "Other"; }},
      {kBadFile, "post_processor: single: expected an array, found null",
       [](Json& j) { j["post_processor"]["type"] = "TemplateProcessing"; }},
      {kUnsupported, "post_processor: single: expected the text A and special tokens, found \"{\"",
       [](Json& j) {
         set_template(j, {{{"Sequence", {{"id", "B"}}}}});
       }},
      {kUnsupported, "post_processor: single: expected the text A once, found it 0 times",
       [](Json& j) { set_template(j, Json::array()); }},
      {kBadFile, "post_processor: special_tokens: \"<x>\": expected an object, found null",
       [](Json& j) {
         set_template(j, {{{"SpecialToken", {{"id", "<x>"}}}}});
       }},
      {kBadFile, "post_processor: special_tokens: \"<e>\": \"id\": expected a token id from 0",
       [](Json& j) {
         set_template(j, {{{"SpecialToken", {{"id", "<e>"}}}}});
         j["post_processor"]["special_tokens"]["<e>"]["ids"] = {-1};
       }},
      {kBadFile, "post_processor: token id 999: the tokenizer has no token with this id",
       [](Json& j) {
         set_template(j, {{{"SpecialToken", {{"id", "<e>"}}}}, {{"Sequence", {{"id", "A"}}}}});
         j["post_processor"]["special_tokens"]["<e>"]["ids"] = {999};
       }},
      {kBadFile, "post_processor: cls: expected a token and its id, found \"null\"",
       [](Json& j) { j["post_processor"]["type"] = "BertProcessing"; }},
      {kUnsupported, "post_processor: expected one template, found two",
       [](Json& j) {
         const Json step = {{"type", "BertProcessing"}, {"cls", {"a", 97}}, {"sep", {"b", 98}}};
         j["post_processor"] = {{"type", "Sequence"}, {"processors", {step, step}}};
       }},
      {kUnsupported,
       "decoder: expected none or ByteLevel, found WordPiece; this engine would give other text",
       [](Json& j) { j["decoder"]["type"] = "WordPiece"; }},
      {kUnsupported, "tokenizer.json: \"foo\": this engine does not know the field, which may ask",
       [](Json& j) { j["foo"] = 1; }},
      {kUnsupported, "tokenizer.json: version: expected \"1.0\", found \"\"2.0\"\"",
       [](Json& j) { j["version"] = "2.0"; }},
      {kBadFile, "model: expected an object, found null", [](Json& j) { j.erase("model"); }},
      {kUnsupported, "model: type: expected \"BPE\", found \"\"WordPiece\"\"",
       [](Json& j) { j["model"]["type"] = "WordPiece"; }},
      {kUnsupported, "model: dropout: expected 0.0, found \"0.1\"",
       [](Json& j) { j["model"]["dropout"] = 0.1; }},
      {kUnsupported, "model: continuing_subword_prefix: expected",
       [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; }},
      {kUnsupported, "model: end_of_word_suffix: expected",
       [](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }},
      {kBadFile, "model: byte_fallback: expected true or false, found number",
       [](Json& j) { j["model"]["byte_fallback"] = 1; }},
      {kUnsupported, "model: \"foo\": this engine does not know the field",
       [](Json& j) { j["model"]["foo"] = 1; }},
      {kBadFile, "model: ignore_merges: expected true or false, found number",
       [](Json& j) { j["model"]["ignore_merges"] = 1; }},
      {kBadFile, "model.vocab: expected an object, found null",
       [](Json& j) { j["model"].erase("vocab"); }},
      {kBadFile, "model.vocab: \"he\": expected a token id from 0 to 1048575, found \"-1\"",
       [](Json& j) { j["model"]["vocab"]["he"] = -1; }},
      {kBadFile, "found \"18446744073709551615\"",
       [](Json& j) { j["model"]["vocab"]["he"] = ~uint64_t{0}; }},
      {kBadFile, "found \"1048576\"", [](Json& j) { j["model"]["vocab"]["he"] = 1 << 20; }},
      {kBadFile, "found \"257.0\"", [](Json& j) { j["model"]["vocab"]["he"] = 257.0; }},
      {kBadFile, "found \"\"257\"\"", [](Json& j) { j["model"]["vocab"]["he"] = "257"; }},
      {kBadFile,
       "model.vocab: two tokens have id 256: ", [](Json& j) { j["model"]["vocab"]["he"] = 256; }},
      {kBadFile, "model.vocab: no token for byte 0x0A; expected GPT-2's byte-level BPE",
       [](Json& j) { j["model"]["vocab"].erase("Ċ"); }},
      {kBadFile, "model.merges: expected an array, found object",
       [](Json& j) { j["model"]["merges"] = Json::object(); }},
      {kBadFile, "model.merges: entry 1: expected two tokens with a space between, found \"he\"",
       [](Json& j) { j["model"]["merges"][1] = "he"; }},
      {kBadFile, "model.merges: entry 1: expected two tokens with a space between, found \"h e y\"",
       [](Json& j) { j["model"]["merges"][1] = "h e y"; }},
      {kBadFile, "model.merges: entry 1: expected an array, found number",
       [](Json& j) { j["model"]["merges"][1] = 1; }},
      {kBadFile, "model.merges: entry 1: expected 2 tokens, found 3",
       [](Json& j) {
         j["model"]["merges"][1] = {"h", "e", "y"};
       }},
      {kBadFile, "model.merges: entry 1: expected a string, found number",
       [](Json& j) {
         j["model"]["merges"][1] = {"h", 1};
       }},
      {kBadFile, "model.merges: entry 1: the left part of merge \"hh\" + \"e\" is not in folder/",
       [](Json& j) { j["model"]["merges"][1] = "hh e"; }},
      {kBadFile, "the right part of merge \"h\" + \"ee\" is not in",
       [](Json& j) { j["model"]["merges"][1] = "h ee"; }},
      {kBadFile, "the result of merge \"h\" + \"h\" is not in",
       [](Json& j) { j["model"]["merges"][1] = "h h"; }},
      {kBadFile, "added_tokens: expected an array, found object",
       [](Json& j) { j["added_tokens"] = Json::object(); }},
      {kBadFile, "added_tokens: expected an object, found number",
       [](Json& j) { j["added_tokens"][0] = 1; }},
      {kBadFile, "added_tokens: content: expected a string, found null",
       [](Json& j) { j["added_tokens"][0].erase("content"); }},
      {kBadFile, "added_tokens: \"id\": expected a token id from 0",
       [](Json& j) { j["added_tokens"][0].erase("id"); }},
      {kBadFile, "added_tokens: an added token is empty",
       [](Json& j) {
         j["added_tokens"].push_back({{"content", ""}, {"id", 262}});
       }},
      {kBadFile, "added_tokens: \"<|endoftext|>\" has id 300, but id 261 elsewhere",
       [](Json& j) { j["added_tokens"][0]["id"] = 300; }},
      {kBadFile, "added_tokens: two tokens have id 261: ",
       [](Json& j) { j["added_tokens"][0]["content"] = "<x>"; }},
      {kBadFile, "added_tokens: special: expected true or false, found string",
       [](Json& j) { j["added_tokens"][0]["special"] = "yes"; }},
      {kBadFile, "added_tokens: single_word: expected true or false, found number",
       [](Json& j) { j["added_tokens"][0]["single_word"] = 1; }},
      {kBadFile, "added_tokens: normalized: expected true or false, found string",
       [](Json& j) { j["added_tokens"][0]["normalized"] = "no"; }},
      {kUnsupported, "added_tokens: \"foo\": this engine does not know the field",
       [](Json& j) { j["added_tokens"][0]["foo"] = 1; }},
  };
  for (const Bent& one : cases) {
    expect_error(one.code, one.message, [&] { small_tokenizer(one.bend); });
  }
}

TEST(TokenizerErrors, WhatDoesNotChangeIdsIsAccepted) {
  const Tokenizer tokenizer = small_tokenizer([](Json& json) {
    json["truncation"] = {{"max_length", 5}};
    json["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}};
    json["pre_tokenizer"] = {{"type", "Sequence"},
                             {"pretokenizers", {{{"type", "ByteLevel"}, {"use_regex", true}}}}};
    json["post_processor"] = {{"type", "ByteLevel"}, {"trim_offsets", true}};
    json["model"].erase("type");
    json["model"]["dropout"] = 0;
    json["model"]["unk_token"] = "<|endoftext|>";
  });
  for (const char* text : {"", "he the abab", " the<|endoftext|> \n\n x", "\xFF e\u0301"}) {
    EXPECT_EQ(tokenizer.encode(text), small_tokenizer().encode(text)) << text;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

struct BentText {
  ErrorCode code;
  const char* message;
  const char* file;
  std::string text;
};

TEST(TokenizerErrors, OtherFiles) {
  const BentText cases[] = {
      {kBadFile, "folder/vocab.json: not valid JSON: ", "vocab.json", "{"},
      {kBadFile, "folder/vocab.json: no token for byte 0x00", "vocab.json", "{}"},
      {kBadFile, "folder/vocab.json: JSON nested deeper", "vocab.json", std::string(99999, '[')},
      {kBadFile, "folder/merges.txt: line 3: the result of merge \"h\" + \"h\"", "merges.txt",
       "#version\nh e\nh h\n"},
      {kBadFile, "folder/merges.txt: line 1: expected two tokens with a space between",
       "merges.txt", "h\xFF"},
      {kBadFile, "folder/merges.txt: line 1: the right part of merge", "merges.txt", "h \xFF"},
      {kBadFile, "added_tokens.json: \"<x>\": expected a token id", "added_tokens.json",
       R"({"<x>": "1"})"},
      {kBadFile, "added_tokens_decoder: 301: \"<|endoftext|>\" has id 301, but id 261 elsewhere",
       "tokenizer_config.json",
       R"({"added_tokens_decoder": {"301": {"content": "<|endoftext|>"}}})"},
      {kBadFile, "special_tokens_map.json: bos_token: expected a string, found number",
       "special_tokens_map.json", R"({"bos_token": 1})"},
      {kBadFile, "additional_special_tokens: expected an array, found string",
       "special_tokens_map.json", R"({"additional_special_tokens": "<x>"})"},
      {kBadFile, "tokenizer_config.json: add_prefix_space: expected true or false, found number",
       "tokenizer_config.json", R"({"add_prefix_space": 1})"},
      {kBadFile, "tokenizer_config.json: add_bos_token: the tokenizer has no token \"<s>\"",
       "tokenizer_config.json", R"({"add_bos_token": true, "bos_token": "<s>"})"},
      {kUnsupported, "tokenizer_config.json: split_special_tokens: expected false",
       "tokenizer_config.json", R"({"split_special_tokens": true})"},
      {kBadFile, "added_tokens_decoder: expected a token id from 0 to 1048575 as key, found \"3x\"",
       "tokenizer_config.json", R"({"added_tokens_decoder": {"3x": {"content": "<x>"}}})"},
      {kBadFile, "added_tokens_decoder: expected a token id from 0", "tokenizer_config.json",
       R"({"added_tokens_decoder": {"99999999999999999999": {"content": "<x>"}}})"},
  };
  for (const BentText& one : cases) {
    TokenizerFiles files = small_vocabulary_files();
    files.texts[one.file] = one.text;
    expect_error(one.code, one.message, [&] { make_tokenizer(files); });
  }
}

}  // namespace
}  // namespace gptj
