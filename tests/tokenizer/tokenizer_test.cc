// SPDX-License-Identifier: Apache-2.0
#include "gptj/tokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;

TEST(Tokenizer, EncodesWithMerges) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.encode(""), Ids{});
  EXPECT_EQ(tokenizer.encode("he the"), (Ids{257, 258}));
  EXPECT_EQ(tokenizer.encode("ababab"), (Ids{260, 259}));
  EXPECT_EQ(tokenizer.size(), 262);
}

TEST(Tokenizer, FilesOfBothFormatsAgree) {
  const Tokenizer from_json = small_tokenizer();
  const Tokenizer from_vocabulary = make_tokenizer(small_vocabulary_files());
  const Tokenizer from_pairs = small_tokenizer([](Json& json) {
    Json pairs = Json::array();
    for (const std::string merge : json["model"]["merges"]) {
      const size_t space = merge.find(' ');
      pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
    }
    json["model"]["merges"] = pairs;
  });
  for (const char* text : {"he the", "ababab", "a<|endoftext|> the", "日本"}) {
    EXPECT_EQ(from_json.encode(text), from_vocabulary.encode(text));
    EXPECT_EQ(from_json.encode(text), from_pairs.encode(text));
  }
}

TEST(Tokenizer, MergesTxtMayLackVersionAndHaveCarriageReturns) {
  TokenizerFiles files = small_vocabulary_files();
  files.texts["merges.txt"] = "Ġ t\r\nh e\r\nĠt he\r\na b\r\nab ab";
  EXPECT_EQ(make_tokenizer(files).encode(" the abab"), (Ids{258, 32, 260}));
}

TEST(Tokenizer, SpecialTokensUnlessPlain) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.encode("a<|endoftext|>he"), (Ids{'a', 261, 257}));
  const Ids plain = tokenizer.encode("a<|endoftext|>he", {.plain = true});
  EXPECT_EQ(plain.size(), 15u);
  EXPECT_EQ(tokenizer.decode(plain), "a<|endoftext|>he");
  EXPECT_TRUE(tokenizer.is_special(261));
  EXPECT_FALSE(tokenizer.is_special(260));
  EXPECT_FALSE(tokenizer.is_special(-1));
}

TEST(Tokenizer, EndOfTextIsSpecialWithoutBeingNamedSo) {
  const Tokenizer tokenizer = make_tokenizer(small_vocabulary_files());
  EXPECT_TRUE(tokenizer.is_special(261));
  EXPECT_EQ(tokenizer.encode("<|endoftext|>"), Ids{261});
}

TEST(Tokenizer, AddedTokensOfAddedTokensJson) {
  TokenizerFiles files = small_vocabulary_files();
  files.texts["added_tokens.json"] = R"({"<x>": 300, "<x><y>": 299, "né e": 301})";
  const Tokenizer tokenizer = make_tokenizer(files);
  EXPECT_EQ(tokenizer.size(), 302);
  EXPECT_FALSE(tokenizer.has(270));
  EXPECT_FALSE(tokenizer.is_special(300));
  EXPECT_EQ(tokenizer.encode("<x><y><x><né e"), (Ids{299, 300, '<', 301}));  // the longest
  EXPECT_EQ(tokenizer.decode(Ids{301}), "né e");
  EXPECT_EQ(tokenizer.find("<x><y>"), 299);
  EXPECT_EQ(tokenizer.find("<x><"), std::nullopt);
}

TEST(Tokenizer, SpecialTokensOfTheConfigurationFiles) {
  TokenizerFiles files = small_vocabulary_files();
  files.texts["added_tokens.json"] = R"({"<a>": 300, "<b>": 301, "<c>": 302, "<d>": 303})";
  files.texts["special_tokens_map.json"] = R"({"bos_token": "<a>", "pad_token": null,
    "eos_token": {"content": "<b>", "lstrip": false}, "additional_special_tokens": ["<c>"],
    "unk_token": "<not in the vocabulary>", "sep_token": ""})";
  files.texts["tokenizer_config.json"] = R"({"add_prefix_space": false, "add_bos_token": false,
    "model_max_length": 1e30, "added_tokens_decoder": {"310": {"content": "<e>", "special": true},
    "303": {"content": "<d>", "special": false}}})";
  const Tokenizer tokenizer = make_tokenizer(files);
  for (const TokenId id : {300, 301, 302, 310}) EXPECT_TRUE(tokenizer.is_special(id)) << id;
  EXPECT_FALSE(tokenizer.is_special(303));
  EXPECT_EQ(tokenizer.encode("<e><d>"), (Ids{310, 303}));
  EXPECT_EQ(tokenizer.size(), 311);
}

TEST(Tokenizer, StripOfAddedTokens) {
  TokenizerFiles files = small_vocabulary_files();
  files.texts["special_tokens_map.json"] =
      R"({"bos_token": {"content": "<|endoftext|>", "lstrip": true, "rstrip": true}})";
  const Tokenizer tokenizer = make_tokenizer(files);
  EXPECT_EQ(tokenizer.encode("a \n<|endoftext|>\u3000 b <|endoftext|>"), (Ids{'a', 261, 'b', 261}));
}

TEST(Tokenizer, PlainTextNeverBecomesAnAddedToken) {
  const Tokenizer tokenizer = small_tokenizer([](Json& json) {
    json["model"]["ignore_merges"] = true;
    json["added_tokens"].push_back({{"id", 300}, {"content", "xyz"}});
  });
  EXPECT_EQ(tokenizer.encode("xyz"), Ids{300});
  EXPECT_EQ(tokenizer.encode("xyz", {.plain = true}), (Ids{'x', 'y', 'z'}));
  EXPECT_EQ(tokenizer.find("xyz"), 300);
}

TEST(Tokenizer, IgnoreMerges) {
  const auto without_merges = [](bool ignore_merges) {
    return small_tokenizer([=](Json& json) {
      json["model"]["merges"] = Json::array();
      json["model"]["ignore_merges"] = ignore_merges;
    });
  };
  EXPECT_EQ(without_merges(false).encode("abab"), (Ids{'a', 'b', 'a', 'b'}));
  EXPECT_EQ(without_merges(true).encode("abab aba"), (Ids{260, ' ', 'a', 'b', 'a'}));
}

TEST(Tokenizer, NamesOutsideTheAlphabetStandForThemselves) {
  const Tokenizer tokenizer = small_tokenizer([](Json& json) {
    json["model"]["vocab"]["한 국"] = 300;
    json["model"]["vocab"][" "] = 301;  // the same bytes as "Ġ", which comes first
  });
  EXPECT_EQ(tokenizer.decode(Ids{300, 301}), "한 국 ");
  EXPECT_EQ(tokenizer.find(" "), 32);
  EXPECT_EQ(tokenizer.encode(" "), Ids{32});
}

TEST(Tokenizer, EveryByteAlone) {
  const Tokenizer tokenizer = small_tokenizer();
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    EXPECT_EQ(tokenizer.encode(text), Ids{byte});
    EXPECT_EQ(tokenizer.decode(Ids{byte}), text);
  }
}

TEST(Tokenizer, RandomBytesComeBack) {
  const Tokenizer tokenizer = Tokenizer::load(GPTJ_SOURCE_DIR "/models/fairytale-8m");
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 100, ' ');
    for (char& byte : bytes) byte = static_cast<char>(random() >> 7);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes)), bytes);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes, {.plain = true})), bytes);
  }
}

TEST(Tokenizer, StreamedTokensAreTheText) {
  const Tokenizer tokenizer = Tokenizer::load(GPTJ_SOURCE_DIR "/models/fairytale-8m");
  const std::string text = "Once 👩‍👩‍👧‍👦 upon 日本語 a 🇫🇷 time é ﷽";
  TextStream stream;
  std::string streamed;
  for (const TokenId id : tokenizer.encode(text)) {
    const std::string part = stream.push(tokenizer.token_bytes(id));
    EXPECT_EQ(to_valid_utf8(part), part);
    streamed += part;
  }
  EXPECT_EQ(streamed + stream.finish(), text);
}

TEST(Tokenizer, OutlivesItsCopies) {
  std::optional<Tokenizer> first = small_tokenizer();
  const Tokenizer second = *first;
  const std::string_view bytes = first->token_bytes(258);
  first.reset();
  EXPECT_EQ(bytes, " the");
  EXPECT_EQ(second.encode(" the"), Ids{258});
}

TEST(Tokenizer, AMegabyteOfOneWord) {
  const Tokenizer tokenizer = small_tokenizer();
  std::string word;
  while (word.size() < (1 << 20)) word += "abab";
  const Ids ids = tokenizer.encode(word);
  EXPECT_EQ(ids, Ids(word.size() / 4, 260));
}

}  // namespace
}  // namespace gptj
