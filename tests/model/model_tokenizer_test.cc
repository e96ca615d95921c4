// SPDX-License-Identifier: Apache-2.0
// Whose tokenizer a model gets, and what is said where it looks like another's.
#include "model/model_tokenizer.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/json.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "tokenizer/tokenizer_data.h"

namespace gptj::test {
namespace {

const std::string kFairytale = GPTJ_SOURCE_DIR "/models/fairytale-8m";

const auto kNone = [] { return std::optional<TokenizerFiles>(); };
std::function<std::optional<TokenizerFiles>()> as(const TokenizerFiles& files) {
  return [files] { return files; };
}

class ModelTokenizerTest : public ::testing::Test {
 protected:
  std::optional<ChosenTokenizer> choose(const TokenizerHints& hints, const std::string& other) {
    warnings_.clear();
    return choose_tokenizer(hints, other, [this](const std::string& m) { warnings_ += m + "\n"; });
  }
  void expect_warning(const TokenizerHints& hints, const std::string& other,
                      const std::string& words) {
    EXPECT_TRUE(choose(hints, other));
    EXPECT_NE(warnings_.find(words), std::string::npos) << warnings_;
    EXPECT_NE(warnings_.find("MODEL: "), std::string::npos) << warnings_;
    EXPECT_NE(warnings_.find("is this another model's tokenizer?"), std::string::npos);
  }

  const Tokenizer fairytale_ = Tokenizer::load(kFairytale);
  // What a ggml file of this model notes.
  std::vector<std::string_view> noted() const {
    std::vector<std::string_view> all;
    for (TokenId id = 0; id < fairytale_.size(); ++id) all.push_back(fairytale_.token_bytes(id));
    return all;
  }

  std::string warnings_;
};

TEST_F(ModelTokenizerTest, TheModelsOwnElseTheOneThatIsNamed) {
  const TokenizerFiles own = read_tokenizer_files(kFairytale);
  EXPECT_EQ(choose({"MODEL", 4096, as(own)}, "")->tokenizer.fingerprint(),
            fairytale_.fingerprint());
  EXPECT_EQ(choose({"MODEL", 4096, kNone}, kFairytale)->files.texts, own.texts);
  EXPECT_EQ(choose({"MODEL", 4096, as(own)}, kFairytale)->files.texts, own.texts);
  EXPECT_EQ(choose({"MODEL", 4096, kNone}, kFairytale + "/config.json")->files.texts, own.texts);
  EXPECT_FALSE(choose({"MODEL", 4096, kNone}, ""));
  EXPECT_EQ(warnings_, "");
  expect_error(
      ErrorCode::kNotFound,
      [&] {
        choose({"MODEL", 4096, as(own)}, "/nowhere");
      },
      "/nowhere");
}

TEST_F(ModelTokenizerTest, ADamagedOneCanBeReplaced) {
  const TokenizerHints hints{"MODEL", 4096, as({"FOLDER", {{"tokenizer.json", "{"}}})};
  expect_error(
      ErrorCode::kBadFile, [&] { choose(hints, ""); }, "FOLDER");
  EXPECT_EQ(choose(hints, kFairytale)->tokenizer.fingerprint(), fairytale_.fingerprint());
  EXPECT_EQ(warnings_, "");
}

TEST_F(ModelTokenizerTest, MoreIdsThanRows) {
  expect_warning({"MODEL", 4095, kNone}, kFairytale, "4096 ids, the weights only 4095 rows");
  const TokenizerHints hints{"MODEL", 4095, kNone, {}};
  EXPECT_TRUE(choose_tokenizer(hints, kFairytale, {}));  // nobody to tell
}

// Other files repeat what tokenizer.json says; what comes of all of them counts.
TEST_F(ModelTokenizerTest, TheSameInFewerFiles) {
  const TempFolder folder;
  TokenizerFiles own = read_tokenizer_files(kFairytale);
  folder.write("tokenizer.json", own.texts.at("tokenizer.json"));
  ASSERT_NE(Tokenizer::load(folder.path()).fingerprint(), fairytale_.fingerprint());
  EXPECT_TRUE(choose({"MODEL", 4096, as(own)}, folder.path()));
  EXPECT_EQ(warnings_, "");
  Json changed = Json::parse(own.texts.at("tokenizer.json"));
  std::swap(changed["model"]["merges"][0], changed["model"]["merges"][1]);
  folder.write("tokenizer.json", changed.dump());
  expect_warning({"MODEL", 4096, as(own)}, folder.path(), "not the one that the model came with");
  changed = Json::parse(own.texts.at("tokenizer.json"));
  changed["added_tokens"][0]["lstrip"] = true;
  folder.write("tokenizer.json", changed.dump());
  expect_warning({"MODEL", 4096, as(own)}, folder.path(), "not the one that the model came with");
}

TEST_F(ModelTokenizerTest, AnotherFingerprint) {
  TokenizerFiles own = read_tokenizer_files(kFairytale);
  own.texts["added_tokens.json"] = R"({"<|one more|>": 4096})";
  expect_warning({"MODEL", 5000, as(own)}, kFairytale, "not the one that the model came with");
}

TEST_F(ModelTokenizerTest, AGgmlFilesVocabulary) {
  std::vector<std::string_view> vocabulary = noted();
  const TokenizerHints hints{"MODEL", 5000, kNone, vocabulary};
  EXPECT_TRUE(choose(hints, kFairytale));
  EXPECT_EQ(warnings_, "");
  EXPECT_FALSE(choose(hints, ""));
  EXPECT_NE(warnings_.find("MODEL: a ggml file has no merges"), std::string::npos) << warnings_;

  const auto end = static_cast<size_t>(*fairytale_.find("<|endoftext|>"));
  vocabulary[end] = "<|extratoken_1|>";  // the name of an added token
  EXPECT_TRUE(choose(hints, kFairytale));
  EXPECT_EQ(warnings_, "");
  std::swap(vocabulary[300], vocabulary[301]);
  expect_warning(hints, kFairytale,
                 "disagrees with the file's vocabulary on 2 of 4096 tokens, "
                 "first on id 300: ");
  vocabulary.resize(20);
  EXPECT_TRUE(choose({"MODEL", 5000, kNone, vocabulary}, kFairytale));
  EXPECT_EQ(warnings_, "");
}

}  // namespace
}  // namespace gptj::test
