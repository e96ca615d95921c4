// SPDX-License-Identifier: Apache-2.0
// Ids as Hugging Face computes them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/json.h"
#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

const std::string kSource = GPTJ_SOURCE_DIR;
const std::string kFairytale = kSource + "/models/fairytale-8m";

Json golden(const std::string& name, const char* list) {
  return parse_json_file(kSource + "/tests/golden/" + name, 1 << 30)[list];
}

// GPT-2's vocabulary is not this project's to publish; tests/tokenizer/gpt2/fetch.sh puts it there.
std::string gpt2_folder() {
  const char* folder = std::getenv("GPTJ_GPT2_TOKENIZER");
  return folder != nullptr ? folder : GPTJ_GPT2_FOLDER;
}

// As the library `tokenizers` writes it.
Json gpt2_tokenizer_json() {
  Json merges = Json::array();
  std::ifstream file(gpt2_folder() + "/merges.txt");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && !line.starts_with("#version")) merges.push_back(line);
  }
  return {
      {"pre_tokenizer", {{"type", "ByteLevel"}}},
      {"model",
       {{"vocab", parse_json_file(gpt2_folder() + "/vocab.json", 1 << 30)}, {"merges", merges}}}};
}

void set_split(Json& json) {
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", kGpt2Regex}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {split, bytes}}};
}

auto set_template(bool end_in_front) {
  return [=](Json& json) {
    const std::string end = "<|endoftext|>";
    Json single = Json::array();
    if (end_in_front) single.push_back({{"SpecialToken", {{"id", end}, {"type_id", 0}}}});
    single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
    json["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", single},
        {"special_tokens", {{end, {{"id", end}, {"ids", {50256}}, {"tokens", {end}}}}}}};
  };
}

bool is_ci() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string(ci) == "true";
}

// Whether GPT-2's vocabulary is there; fails in CI if it is not, skips elsewhere.
class Gpt2 : public testing::Test {
 protected:
  void SetUp() override {
    if (Tokenizer::found_in(gpt2_folder())) return;
    const std::string why = "no GPT-2 vocabulary in " + gpt2_folder() +
                            ": tests/tokenizer/gpt2/fetch.sh BUILD fetches it, or set "
                            "GPTJ_GPT2_TOKENIZER to a folder with GPT-J's vocab.json, merges.txt "
                            "and added_tokens.json";
    if (is_ci()) FAIL() << why;
    GTEST_SKIP() << why;
  }
};

TEST_F(Gpt2, Golden) {
  const Tokenizer tokenizer = Tokenizer::load(gpt2_folder());
  EXPECT_EQ(tokenizer.size(), 50400);
  const Json cases = golden("tokenizer.json", "cases");
  ASSERT_EQ(cases.size(), 260u);
  for (const Json& one : cases) {
    const auto ids = one["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer.encode(one["text"].get<std::string>()), ids) << one["text"];
    EXPECT_EQ(tokenizer.decode(ids), one["decoded"].get<std::string>());
  }
}

// Shapes of tokenizer.json that people publish; ids as tokenizers 0.23.2 gives them.
TEST_F(Gpt2, PublishedShapes) {
  const auto encode = [json = gpt2_tokenizer_json()](const std::string& text, auto change) {
    Json changed = json;
    change(changed);
    return make_tokenizer(small_files(changed)).encode(text);
  };
  using Ids = std::vector<TokenId>;
  const auto im_end = [](bool first, bool second) {
    return [=](Json& json) {
      json["added_tokens"].push_back(
          {{"id", 50257}, {"content", "<|im_end|>"}, {"normalized", first}});
      json["added_tokens"].push_back(
          {{"id", 50258}, {"content", "\n<|im_end|>"}, {"normalized", second}});
    };
  };
  EXPECT_EQ(encode("x\n<|im_end|>", im_end(false, true)), (Ids{87, 198, 50257}));
  EXPECT_EQ(encode("x\n<|im_end|>", im_end(false, false)), (Ids{87, 50258}));
  EXPECT_EQ(encode("abc 123 def's", set_split), (Ids{39305, 17031, 825, 338}));
  EXPECT_EQ(encode("abc", set_template(false)), Ids{39305});
  EXPECT_EQ(encode("abc", set_template(true)), (Ids{50256, 39305}));
  const auto nfc = [](Json& json) { json["normalizer"] = {{"type", "NFC"}}; };
  EXPECT_EQ(encode("e\u0301 e\u0301", nfc), (Ids{2634, 38251}));
}

TEST(Golden, Fairytale) {
  const Tokenizer tokenizer = Tokenizer::load(kFairytale);
  for (const Json& prompt : golden("fairytale-8m-reference.json", "prompts")) {
    const auto text = prompt["prompt"].get<std::string>();
    if (text.empty()) continue;  // the model gets its bos token there, see the file's note
    EXPECT_EQ(tokenizer.encode(text), prompt["ids"].get<std::vector<TokenId>>()) << text;
  }
}

TEST(Golden, BothFormatsGiveTheSameIds) {
  const TempFolder folder;
  for (const char* name : {"vocab.json", "merges.txt"}) {
    std::filesystem::copy_file(kFairytale + "/" + name, folder.path() + "/" + name);
  }
  const Tokenizer from_json = Tokenizer::load(kFairytale);
  const Tokenizer from_vocabulary = Tokenizer::load(folder.path());
  EXPECT_EQ(from_json.size(), from_vocabulary.size());
  for (TokenId id = 0; id < from_json.size(); ++id) {
    EXPECT_EQ(from_json.token_bytes(id), from_vocabulary.token_bytes(id));
    EXPECT_EQ(from_json.is_special(id), from_vocabulary.is_special(id));
  }
  for (const Json& one : golden("tokenizer.json", "cases")) {
    const auto text = one["text"].get<std::string>();
    EXPECT_EQ(from_json.encode(text), from_vocabulary.encode(text));
    EXPECT_EQ(from_json.decode(from_json.encode(text)), text);
  }
}

TEST(Golden, EveryTokenOfTheBundledModelIsFoundByItsBytes) {
  const Tokenizer tokenizer = Tokenizer::load(kFairytale);
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    EXPECT_EQ(tokenizer.find(tokenizer.token_bytes(id)), id);
  }
}

}  // namespace
}  // namespace gptj
