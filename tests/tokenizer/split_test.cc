// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/split.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gptj {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text) {
  Words words;
  while (!text.empty()) {
    words.emplace_back(text.substr(0, first_word_length(text)));
    text.remove_prefix(words.back().size());
  }
  return words;
}

TEST(Split, WordsTakeOneSpaceAlong) {
  EXPECT_EQ(split("a bc 12 ?!"), (Words{"a", " bc", " 12", " ?!"}));
  EXPECT_EQ(split("a1b?c"), (Words{"a", "1", "b", "?", "c"}));
}

TEST(Split, WhitespaceLeavesItsLastToTheWord) {
  EXPECT_EQ(split("a   b"), (Words{"a", "  ", " b"}));
  EXPECT_EQ(split("a\n\nb"), (Words{"a", "\n", "\n", "b"}));
  EXPECT_EQ(split("a \nb"), (Words{"a", " ", "\n", "b"}));
  EXPECT_EQ(split("a  "), (Words{"a", "  "}));
  EXPECT_EQ(split(" "), (Words{" "}));
  EXPECT_EQ(split("\t x"), (Words{"\t", " x"}));
}

TEST(Split, Contractions) {
  EXPECT_EQ(split("I'm we'll 'tis"), (Words{"I", "'m", " we", "'ll", " '", "tis"}));
  EXPECT_EQ(split("'s't're've'm'll'd"), (Words{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}));
  EXPECT_EQ(split("'S'r'"), (Words{"'", "S", "'", "r", "'"}));
}

TEST(Split, UnicodeClasses) {
  EXPECT_EQ(split("naïve λόγος"), (Words{"naïve", " λόγος"}));
  EXPECT_EQ(split("日本語１２３ⅷ½"), (Words{"日本語", "１２３ⅷ½"}));
  EXPECT_EQ(split("👍🏽!"), (Words{"👍🏽!"}));
  EXPECT_EQ(split("e\u0301"), (Words{"e", "\u0301"}));  // a combining mark is no letter
}

TEST(Split, Whitespace) {
  for (const char* space : {"\t", "\v", "\f", "\r", "\u0085", "\u00A0", "\u1680", "\u2000",
                            "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"}) {
    EXPECT_EQ(split(std::string("?") + space + "?"), (Words{"?", space, "?"}));
  }
  for (const char* other : {"\u200B", "\u180E", "\u2060", "\uFEFF", "\x1C", "\x1F"}) {
    EXPECT_EQ(split(std::string("?") + other + "?"), (Words{std::string("?") + other + "?"}));
  }
}

TEST(Split, InvalidBytesAreNeitherSpaceLetterNorNumber) {
  EXPECT_EQ(split("a\xFF\xC3(b"), (Words{"a", "\xFF\xC3(", "b"}));
  EXPECT_EQ(split("a \xE2\x82 b"), (Words{"a", " \xE2\x82", " b"}));
  EXPECT_EQ(split("\xC2"), (Words{"\xC2"}));
}

TEST(Split, WhitespaceAtTheEnds) {
  EXPECT_EQ(leading_whitespace(" \u3000\u0085x "), 6u);
  EXPECT_EQ(trailing_whitespace(" x\u3000\u0085 "), 6u);
  EXPECT_EQ(trailing_whitespace("\u3000"), 3u);
  EXPECT_EQ(trailing_whitespace("\x80\x80\x80"), 0u);
  EXPECT_EQ(trailing_whitespace(""), 0u);
}

}  // namespace
}  // namespace gptj
