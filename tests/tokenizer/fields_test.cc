// SPDX-License-Identifier: Apache-2.0
// Holds the table of fields in src/tokenizer/README.md to the code: each of its rows sets a field
// of a small tokenizer to a value, and what comes is what the row says.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;

constexpr const char* kReadme = GPTJ_SOURCE_DIR "/src/tokenizer/README.md";
std::string replace_all(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

struct Row {
  std::string file, field, value, outcome;

  std::string name() const { return file + " " + field + " = " + value; }
  Json json() const {
    return parse_json(replace_all(value, "GPT2_REGEX", replace_all(kGpt2Regex, "\\", "\\\\")),
                      name());
  }
};

// "| a | `b` | `c` | d | e |"
std::optional<Row> parse_row(std::string line) {
  std::vector<std::string> cells;
  line = replace_all(line, "\\|", "\x01");
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, '|');) {
    const size_t begin = cell.find_first_not_of(" `"), end = cell.find_last_not_of(" `");
    cells.push_back(begin == cell.npos ? "" : cell.substr(begin, end - begin + 1));
  }
  if (cells.size() < 5 || !cells[1].ends_with(".json")) return {};
  return Row{cells[1], cells[2], replace_all(cells[3], "\x01", "|"), cells[4]};
}

std::vector<Row> table() {
  std::vector<Row> rows;
  std::ifstream readme(kReadme);
  for (std::string line; std::getline(readme, line);) {
    if (const auto row = parse_row(line)) rows.push_back(*row);
  }
  return rows;
}

// What an honoured row does to a text; `also` changes tokenizer.json besides, where the row would
// otherwise do nothing.
struct Honoured {
  std::string file, field, text;
  std::vector<Ids> ids;  // for each of the rows that honour this field, in the table's order
  std::function<void(Json&)> also = [](Json&) {};
};

Ids bytes(std::string_view text) {
  Ids ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

std::vector<Honoured> honoured() {
  const std::string tokenizer = "tokenizer.json", config = "tokenizer_config.json",
                    map = "special_tokens_map.json";
  std::vector<Honoured> all = {
      {tokenizer, "added_tokens", "wxyz", {{'w', 300}}},
      {tokenizer, "added_tokens.special", "<|endoftext|>", {{261}}},
      {tokenizer, "added_tokens.lstrip", "x <|endoftext|> y", {{'x', 261, ' ', 'y'}}},
      {tokenizer, "added_tokens.rstrip", "x <|endoftext|> y", {{'x', ' ', 261, 'y'}}},
      {tokenizer,
       "added_tokens.single_word",
       "<|endoftext|>_<|endoftext|>",
       {bytes("<|endoftext|>_<|endoftext|>")}},
      // Another token is taken first, in the first pass.
      {tokenizer,
       "added_tokens.normalized",
       "<|endoftext|>",
       {{'<', '|', 'e', 'n', 'd', 'o', 'f', 't', 'e', 'x', 300}},
       [](Json& json) {
         json["added_tokens"].push_back({{"id", 300}, {"content", "t|>"}, {"normalized", false}});
       }},
      {tokenizer, "normalizer", "e\u0301", {{0xC3, 0xA9}, {0xC3, 0xA9}}},
      {tokenizer, "pre_tokenizer.add_prefix_space", "the", {{258}}},
      {tokenizer, "pre_tokenizer", "the the", {{'t', 257, 258}, {'t', 257, 258}}},
      {tokenizer,
       "post_processor",
       "x",
       {{'x'}, {261, 'x'}, {'x', 261}, {261, 'x'}, {'a', 'x', 'b'}, {'a', 'x', 'b'}}},
      {tokenizer,
       "model.ignore_merges",
       "abab",
       {{260}},
       [](Json& json) { json["model"]["merges"] = Json::array(); }},
      {tokenizer, "model.merges", "abab", {bytes("abab")}},
      {config, "add_prefix_space", "the", {{258}}},
      {config, "add_bos_token", "x", {{261, 'x'}}},
      {config, "add_eos_token", "x", {{'x', 261}}},
      {config, "added_tokens_decoder", "wxyz", {{'w', 300}}},
      {"added_tokens.json", "<x>", "<x>", {{300}}},
  };
  const auto no_merges = [](Json& json) { json["model"]["merges"] = Json::array(); };
  for (const std::string& file : {config, map}) {
    for (const char* field : {"bos_token", "eos_token", "unk_token", "sep_token", "cls_token",
                              "mask_token", "additional_special_tokens", "extra_special_tokens"}) {
      all.push_back({file, field, "xhe", {{'x', 257}}, no_merges});
    }
    all.push_back({file, "pad_token", "x he", {{'x', ' ', 257}, {'x', 257}}, no_merges});
  }
  return all;
}

// The small tokenizer, with tokenizer.json and the row's file.
TokenizerFiles files_of(const Row& row, const std::function<void(Json&)>& also) {
  Json tokenizer = small_tokenizer_json();
  also(tokenizer);
  if (row.file != "tokenizer.json") {
    TokenizerFiles files = small_files(tokenizer);
    files.texts[row.file] = Json{{row.field, row.json()}}.dump();
    return files;
  }
  std::string pointer = "/" + replace_all(row.field, ".", "/");
  pointer = replace_all(pointer, "/added_tokens/", "/added_tokens/0/");
  tokenizer[Json::json_pointer(pointer)] = row.json();
  return small_files(tokenizer);
}

struct Opened {
  std::optional<Tokenizer> tokenizer;
  std::vector<std::string> warnings;
  std::string error;
};

Opened open(
    const Row& row, const std::function<void(Json&)>& also = [](Json&) {}) {
  Opened opened;
  try {
    opened.tokenizer = make_tokenizer(files_of(row, also), [&](const std::string& warning) {
      opened.warnings.push_back(warning);
    });
  } catch (const Error& error) {
    opened.error = error.what();
  }
  return opened;
}

void expect_unchanged(const Opened& opened, const Row& row) {
  ASSERT_TRUE(opened.tokenizer) << row.name() << ": " << opened.error;
  const Tokenizer usual = small_tokenizer();
  for (const char* text : {"", "he the", "  a'sab 12\n\n abab ", "e\u0301<|endoftext|> the"}) {
    EXPECT_EQ(opened.tokenizer->encode(text), usual.encode(text)) << row.name() << ": " << text;
  }
}

// The last part of a field's name, which messages have.
std::string last_name(const std::string& field) { return field.substr(field.rfind('.') + 1); }

TEST(Fields, OfNoEffect) {
  for (const Row& row : table()) {
    if (row.outcome != "of no effect") continue;
    const Opened opened = open(row);
    expect_unchanged(opened, row);
    EXPECT_TRUE(opened.warnings.empty()) << row.name() << ": " << opened.warnings[0];
  }
}

TEST(Fields, WarnedOf) {
  for (const Row& row : table()) {
    if (row.outcome != "warned of") continue;
    const Opened opened = open(row);
    expect_unchanged(opened, row);
    ASSERT_EQ(opened.warnings.size(), 1u) << row.name();
    EXPECT_TRUE(opened.warnings[0].starts_with("folder/" + row.file + ": ")) << opened.warnings[0];
    EXPECT_NE(opened.warnings[0].find(row.field), std::string::npos) << opened.warnings[0];
  }
}

TEST(Fields, Refused) {
  for (const Row& row : table()) {
    if (row.outcome != "refused") continue;
    const Opened opened = open(row);
    EXPECT_FALSE(opened.tokenizer) << row.name();
    EXPECT_TRUE(opened.error.starts_with("folder/" + row.file + ": ")) << opened.error;
    EXPECT_NE(opened.error.find(last_name(row.field)), std::string::npos) << opened.error;
  }
}

TEST(Fields, Honoured) {
  std::map<std::string, std::vector<Row>> rows;  // by file and field
  for (const Row& row : table()) {
    if (row.outcome == "honoured") rows[row.file + " " + row.field].push_back(row);
  }
  for (const Honoured& test : honoured()) {
    const auto found = rows.extract(test.file + " " + test.field);
    ASSERT_TRUE(found) << "a test without a row: " << test.file << " " << test.field;
    ASSERT_EQ(found.mapped().size(), test.ids.size()) << found.key();
    for (size_t i = 0; i < test.ids.size(); ++i) {
      const Row& row = found.mapped()[i];
      const Opened opened = open(row, test.also);
      ASSERT_TRUE(opened.tokenizer) << row.name() << ": " << opened.error;
      EXPECT_TRUE(opened.warnings.empty()) << row.name() << ": " << opened.warnings[0];
      EXPECT_EQ(opened.tokenizer->encode(test.text), test.ids[i]) << row.name();
    }
  }
  for (const auto& [field, untested] : rows) ADD_FAILURE() << "a row without a test: " << field;
}

// What tokenizers 0.23 writes into a tokenizer.json, its steps' own fields apart, and what
// transformers' GPT-2 classes read beside it.
TEST(Fields, NoneIsMissing) {
  std::set<std::string> listed;
  for (const Row& row : table()) {
    EXPECT_TRUE(std::set<std::string>({"honoured", "warned of", "refused", "of no effect"})
                    .count(row.outcome))
        << row.name() << ": " << row.outcome;
    listed.insert(row.file + " " + row.field);
  }
  const std::map<std::string, std::vector<const char*>> fields = {
      {"tokenizer.json",
       {"version",
        "truncation",
        "padding",
        "added_tokens",
        "normalizer",
        "pre_tokenizer",
        "post_processor",
        "decoder",
        "added_tokens.special",
        "added_tokens.lstrip",
        "added_tokens.rstrip",
        "added_tokens.single_word",
        "added_tokens.normalized",
        "model.type",
        "model.dropout",
        "model.unk_token",
        "model.continuing_subword_prefix",
        "model.end_of_word_suffix",
        "model.fuse_unk",
        "model.byte_fallback",
        "model.ignore_merges",
        "model.vocab",
        "model.merges",
        "other"}},
      {"tokenizer_config.json",
       {"add_prefix_space",
        "add_bos_token",
        "add_eos_token",
        "added_tokens_decoder",
        "bos_token",
        "eos_token",
        "unk_token",
        "sep_token",
        "pad_token",
        "cls_token",
        "mask_token",
        "additional_special_tokens",
        "extra_special_tokens",
        "split_special_tokens",
        "clean_up_tokenization_spaces",
        "errors",
        "model_max_length",
        "padding_side",
        "truncation_side",
        "tokenizer_class",
        "chat_template",
        "model_input_names",
        "other"}},
      {"special_tokens_map.json",
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
        "additional_special_tokens", "extra_special_tokens", "other"}}};
  for (const auto& [file, names] : fields) {
    for (const char* name : names) EXPECT_TRUE(listed.count(file + " " + name)) << file << name;
  }
}

}  // namespace
}  // namespace gptj
