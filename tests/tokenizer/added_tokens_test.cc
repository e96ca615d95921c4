// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include <gtest/gtest.h>

#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;

// The small tokenizer with tokens from id 262 on.
Tokenizer with_added(const std::vector<Json>& tokens) {
  return small_tokenizer([&](Json& json) {
    int id = 262;
    for (const Json& token : tokens) {
      json["added_tokens"].push_back(token);
      json["added_tokens"].back()["id"] = id++;
    }
  });
}

Json token(const char* content, const char* flag = nullptr, bool normalized = false) {
  Json json = {{"content", content}, {"normalized", normalized}, {"special", false}};
  if (flag != nullptr) json[flag] = true;
  return json;
}

TEST(AddedTokens, NotNormalizedOnesComeFirst) {
  const std::string text = "x\n<|im_end|>";
  const auto ids = [&](bool first, bool second) {
    return with_added({token("<|im_end|>", nullptr, first), token("\n<|im_end|>", nullptr, second)})
        .encode(text);
  };
  EXPECT_EQ(ids(false, true), (Ids{'x', '\n', 262}));
  EXPECT_EQ(ids(false, false), (Ids{'x', 263}));
  EXPECT_EQ(ids(true, true), (Ids{'x', 263}));
  EXPECT_EQ(ids(true, false), (Ids{'x', 263}));
}

TEST(AddedTokens, NormalizedIsTheOppositeOfSpecialUnlessSaid) {
  const auto ids = [](bool special) {
    return with_added({{{"content", "<x>"}, {"special", special}}, token("\n<x>", nullptr, true)})
        .encode("\n<x>");
  };
  EXPECT_EQ(ids(true), (Ids{'\n', 262}));
  EXPECT_EQ(ids(false), Ids{263});
}

// A vocabulary's names spell bytes: a space is "Ġ" in them. CodeGen adds runs of spaces which GPT-2
// has as tokens.
TEST(AddedTokens, AreTheVocabularysByNameNotByBytes) {
  const Tokenizer tokenizer = with_added({token(" the"), token(" ")});
  EXPECT_EQ(tokenizer.encode("he the he"), (Ids{257, 262, 263, 257}));
  EXPECT_EQ(tokenizer.encode("he the", {.plain = true}), (Ids{257, 258}));
  EXPECT_EQ(small_tokenizer([](Json& json) {
              json["model"]["merges"] = Json::array();
              json["added_tokens"].push_back(token("Ġt"));
              json["added_tokens"].back()["id"] = 256;
            }).encode("Ġt t"),
            (Ids{256, ' ', 't'}));
}

TEST(AddedTokens, LeftmostThenLongest) {
  const Tokenizer tokenizer = with_added({token("<x>"), token("<x><y>"), token("x><y>!")});
  EXPECT_EQ(tokenizer.encode("<x><y>!"), (Ids{263, '!'}));
  EXPECT_EQ(tokenizer.encode("-x><y>!"), (Ids{'-', 264}));
}

TEST(AddedTokens, Strips) {
  const Tokenizer left = with_added({token("<x>", "lstrip")});
  EXPECT_EQ(left.encode("a \n\u3000<x> b <x>"), (Ids{'a', 262, ' ', 'b', 262}));
  const Tokenizer right = with_added({token("<x>", "rstrip"), token(" ")});
  EXPECT_EQ(right.encode("<x>\t\u2028b"), (Ids{262, 'b'}));
  // A token in whitespace that was swallowed is a token all the same, as in tokenizers.
  EXPECT_EQ(right.encode("<x>  b"), (Ids{262, 263, 263, 'b'}));
}

TEST(AddedTokens, SingleWord) {
  const Tokenizer tokenizer =
      with_added({token("<x>", "single_word"), token("<x>z", "single_word")});
  EXPECT_EQ(tokenizer.encode("<x> <x>"), (Ids{262, ' ', 262}));
  EXPECT_EQ(tokenizer.encode("(<x>)"), (Ids{'(', 262, ')'}));
  for (const char* beside : {"a", "7", "_", "\u0301", "\u200d", "Ⓐ", "日", "ⅷ", "‿"}) {
    const std::string before = std::string(beside) + "<x>", after = std::string("<x>") + beside;
    EXPECT_EQ(tokenizer.encode(before), tokenizer.encode(before, {.plain = true})) << before;
    EXPECT_EQ(tokenizer.encode(after), tokenizer.encode(after, {.plain = true})) << after;
  }
  for (const char* beside : {"-", "½", "😀", "\u200b", "\xFF", "\xE6\x97"}) {
    EXPECT_EQ(tokenizer.encode(std::string("<x>") + beside)[0], 262) << beside;
    EXPECT_EQ(tokenizer.encode(std::string(beside) + "<x>").back(), 262) << beside;
  }
  // The longest one is chosen before it is found to be no word of its own; nothing else is then.
  EXPECT_EQ(tokenizer.encode("<x>zz"), tokenizer.encode("<x>zz", {.plain = true}));
}

TEST(AddedTokens, InNormalizedText) {
  const auto tokenizer = [](bool normalized) {
    return small_tokenizer([=](Json& json) {
      json["normalizer"] = {{"type", "NFC"}};
      Json added = token("e\u0301<", nullptr, normalized);
      added["id"] = 262;
      json["added_tokens"].push_back(added);
    });
  };
  EXPECT_EQ(tokenizer(true).encode("é<"), Ids{262});
  EXPECT_EQ(tokenizer(true).encode("e\u0301<"), Ids{262});
  EXPECT_EQ(tokenizer(true).decode(Ids{262}), "é<");
  EXPECT_EQ(tokenizer(false).encode("é<"), (Ids{0xC3, 0xA9, '<'}));
  EXPECT_EQ(tokenizer(false).encode("e\u0301<"), Ids{262});
  EXPECT_EQ(tokenizer(false).find("e\u0301<"), 262);
}

TEST(AddedTokens, SeveralFilesOfOneToken) {
  TokenizerFiles files = small_files(small_tokenizer_json());
  files.texts["tokenizer_config.json"] =
      R"({"added_tokens_decoder": {"261": {"content": "<|endoftext|>", "lstrip": true}}})";
  EXPECT_EQ(make_tokenizer(files).encode("a <|endoftext|>"), (Ids{'a', 261}));
  files = small_files(small_tokenizer_json());
  files.texts["special_tokens_map.json"] =
      R"({"bos_token": {"content": "<|endoftext|>", "lstrip": true}})";
  EXPECT_EQ(make_tokenizer(files).encode("a <|endoftext|>"), (Ids{'a', ' ', 261}));
}

TEST(AddedTokens, WhitespaceThatTokensSwallowIsReadOnce) {
  const Tokenizer tokenizer = small_tokenizer([](Json& json) {
    json["added_tokens"].push_back(
        {{"id", 262}, {"content", " "}, {"lstrip", true}, {"rstrip", true}, {"normalized", false}});
  });
  EXPECT_EQ(tokenizer.encode(std::string(1 << 20, ' ')).size(), size_t{1} << 20);
}

}  // namespace
}  // namespace gptj
