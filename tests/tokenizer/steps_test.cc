// SPDX-License-Identifier: Apache-2.0
// What is done to a text before its words are merged, and what is put around it. The ids of GPT-2's
// vocabulary in comments are those of tokenizers 0.23.2, which golden_test.cc has as a test.
#include <gtest/gtest.h>

#include "tokenizer/normalize.h"
#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;

Json processor(const Json& single, const Json& ids = {261}) {
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"special_tokens", {{"<e>", {{"id", "<e>"}, {"ids", ids}, {"tokens", {"<e>"}}}}}}};
}

const Json kText = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
const Json kSpecial = {{"SpecialToken", {{"id", "<e>"}, {"type_id", 0}}}};

TEST(Template, IsPutAroundTexts) {
  const Tokenizer tokenizer = small_tokenizer([](Json& json) {
    json["post_processor"] = processor({kSpecial, kText, kSpecial}, {261, 'z'});
  });
  EXPECT_EQ(tokenizer.encode("the"), (Ids{261, 'z', 't', 257, 261, 'z'}));
  EXPECT_EQ(tokenizer.encode(""), (Ids{261, 'z', 261, 'z'}));
  EXPECT_EQ(tokenizer.encode("the", {.plain = true}), (Ids{'t', 257}));
  EXPECT_EQ(tokenizer.encode("", {.plain = true}), Ids{});
  EXPECT_EQ(tokenizer.encode("the<|endoftext|>", {.continues = true}), (Ids{'t', 257, 261}));
}

TEST(Template, OfTheTextAloneIsNothing) {
  const Tokenizer tokenizer =
      small_tokenizer([](Json& json) { json["post_processor"] = processor(Json::array({kText})); });
  EXPECT_EQ(tokenizer.encode("the"), (Ids{'t', 257}));
  EXPECT_EQ(tokenizer.encode(""), Ids{});
}

TEST(Template, BosOfTokenizerConfigIsTheOnlyOne) {
  Json json = small_tokenizer_json();
  json["post_processor"] = processor({kSpecial, kText}, {261, 'z'});
  TokenizerFiles files = small_files(json);
  files.texts["tokenizer_config.json"] = R"({"add_bos_token": true, "bos_token": "he"})";
  EXPECT_EQ(make_tokenizer(files).encode("x"), (Ids{257, 'x'}));
}

TEST(PrefixSpace, BeforeEachPartThatBeginsWithNone) {
  const Tokenizer tokenizer =
      small_tokenizer([](Json& json) { json["pre_tokenizer"]["add_prefix_space"] = true; });
  EXPECT_EQ(tokenizer.encode("the"), Ids{258});
  EXPECT_EQ(tokenizer.encode(" the"), Ids{258});
  EXPECT_EQ(tokenizer.encode(""), Ids{});
  EXPECT_EQ(tokenizer.encode("\nx"), (Ids{' ', '\n', 'x'}));
  EXPECT_EQ(tokenizer.encode("the<|endoftext|>the<|endoftext|>"), (Ids{258, 261, 258, 261}));
  EXPECT_EQ(tokenizer.encode("the", {.plain = true}), Ids{258});
  EXPECT_EQ(tokenizer.encode("", {.plain = true}), Ids{});
  EXPECT_EQ(tokenizer.encode("the<|endoftext|>the", {.continues = true}),
            (Ids{'t', 257, 261, 258}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("the")), " the");  // as there
}

TEST(PrefixSpace, TokenizerConfigWinsOverByteLevelAlone) {
  const auto ids = [](const Json& pre_tokenizer, const char* config) {
    Json json = small_tokenizer_json();
    json["pre_tokenizer"] = pre_tokenizer;
    TokenizerFiles files = small_files(json);
    files.texts["tokenizer_config.json"] = config;
    return make_tokenizer(files).encode("the");
  };
  const Json off = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  const Json on = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
  const Json sequence = {{"type", "Sequence"}, {"pretokenizers", {off}}};
  const char *say_on = R"({"add_prefix_space": true})", *say_off = R"({"add_prefix_space": false})";
  EXPECT_EQ(ids(off, say_on), Ids{258});
  EXPECT_EQ(ids(on, say_off), (Ids{'t', 257}));
  EXPECT_EQ(ids(on, "{}"), Ids{258});
  EXPECT_EQ(ids(sequence, say_on), (Ids{'t', 257}));
}

TEST(PrefixSpace, OfASequenceIsWarnedOf) {
  Json json = small_tokenizer_json();
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {json["pre_tokenizer"]}}};
  TokenizerFiles files = small_files(json);
  files.texts["tokenizer_config.json"] = R"({"add_prefix_space": true})";
  std::vector<std::string> warnings;
  make_tokenizer(files, [&](const std::string& warning) { warnings.push_back(warning); });
  EXPECT_EQ(warnings, std::vector<std::string>{
                          "folder/tokenizer_config.json: add_prefix_space: of no effect, as in "
                          "transformers, where tokenizer.json's pre_tokenizer is a Sequence"});
}

TEST(Warnings, NameTheFileAndTheField) {
  const TempFolder folder;
  folder.write("tokenizer.json", small_tokenizer_json().dump());
  folder.write("tokenizer_config.json",
               R"({"clean_up_tokenization_spaces": true, "b": 1, "a": 2})");
  folder.write("special_tokens_map.json", R"({"pad_token": "[PAD]"})");
  std::vector<std::string> warnings;
  Tokenizer::load(folder.path(), [&](const std::string& text) { warnings.push_back(text); });
  const std::string config = folder.path() + "/tokenizer_config.json: ";
  EXPECT_EQ(warnings,
            (std::vector<std::string>{
                config + "clean_up_tokenization_spaces: of no effect: text is what its tokens "
                         "spell, with the spaces before punctuation",
                config + "of no effect here: \"a\", \"b\"",
                folder.path() + "/special_tokens_map.json: pad_token: \"[PAD]\" has no id in any "
                                "file: it is ordinary text"}));
}

TEST(Nfc, Composes) {
  EXPECT_EQ(to_nfc(""), "");
  EXPECT_EQ(to_nfc("abc"), "abc");
  EXPECT_EQ(to_nfc("e\u0301"), "é");
  EXPECT_EQ(to_nfc("é"), "é");
  EXPECT_EQ(to_nfc("q\u0307\u0323"), "q\u0323\u0307");  // marks in order of their class
  EXPECT_EQ(to_nfc("\u1112\u1161\u11ab"), "한");
  EXPECT_EQ(to_nfc("\u212b\u0958"), "Å\u0915\u093c");  // composition exclusions stay apart
  EXPECT_EQ(to_nfc(std::string("e\0\u0301", 4)), std::string("e\0\u0301", 4));
}

TEST(Nfc, LeavesBytesThatAreNotUtf8) {
  EXPECT_EQ(to_nfc("e\xFF\u0301"), "e\xFF\u0301");
  EXPECT_EQ(to_nfc("e\u0301\xC3"), "é\xC3");
  EXPECT_EQ(to_nfc("\xE2\x82"
                   "e\u0301\x80"),
            "\xE2\x82"
            "é\x80");
  EXPECT_EQ(to_nfc("\xED\xA0\x80"), "\xED\xA0\x80");  // a surrogate
}

// Sorting marks one by one would take hours.
TEST(Nfc, AMegabyteOfMarks) {
  std::string marks = "a", sorted = "a";
  for (int i = 0; i < 1 << 18; ++i) marks += "\u0301\u0323";
  for (int i = 0; i < 1 << 18; ++i) sorted += "\u0323";
  for (int i = 0; i < 1 << 18; ++i) sorted += "\u0301";
  sorted.replace(0, 3, "ạ");
  EXPECT_EQ(to_nfc(marks), sorted);
}

TEST(Nfc, BeforeWordsAreSplit) {
  const Tokenizer tokenizer = small_tokenizer([](Json& json) {
    json["normalizer"] = {{"type", "NFC"}};
  });
  EXPECT_EQ(tokenizer.encode("e\u0301"), (Ids{0xC3, 0xA9}));
  EXPECT_EQ(tokenizer.encode("e\u0301", {.plain = true}), (Ids{0xC3, 0xA9}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("e\u0301\xFF")), "é\xFF");
}

}  // namespace
}  // namespace gptj
