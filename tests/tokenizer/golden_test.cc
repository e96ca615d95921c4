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

std::string gpt2_folder() {
  const char* folder = std::getenv("GPTJ_GPT2_TOKENIZER");
  return folder != nullptr ? folder : kSource + "/../shared/gpt2-tokenizer";
}

TEST(Golden, Gpt2) {
  const std::string folder = gpt2_folder();
  if (!Tokenizer::found_in(folder)) {
    GTEST_SKIP() << "no GPT-2 vocabulary in " << folder << ": set GPTJ_GPT2_TOKENIZER to a folder "
                 << "with GPT-J's vocab.json, merges.txt and added_tokens.json";
  }
  const Tokenizer tokenizer = Tokenizer::load(folder);
  EXPECT_EQ(tokenizer.size(), 50400);
  const Json cases = golden("tokenizer.json", "cases");
  ASSERT_EQ(cases.size(), 260u);
  for (const Json& one : cases) {
    const auto ids = one["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer.encode(one["text"].get<std::string>()), ids) << one["text"];
    EXPECT_EQ(tokenizer.decode(ids), one["decoded"].get<std::string>());
  }
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
