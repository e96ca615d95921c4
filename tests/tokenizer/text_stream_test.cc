// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "gptj/tokenizer.h"

namespace gptj {
namespace {

std::string streamed(std::string_view bytes, size_t step) {
  TextStream stream;
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += step) {
    const std::string part = stream.push(bytes.substr(i, step));
    EXPECT_EQ(to_valid_utf8(part), part);  // never a cut character
    text += part;
  }
  return text + stream.finish();
}

TEST(TextStream, HoldsACharacterUntilItIsWhole) {
  TextStream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "😀z");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, FinishGivesUpOnAPart) {
  TextStream stream;
  EXPECT_EQ(stream.push("\xE6\x97"), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.push("x"), "x");  // as new
}

// The examples of the Unicode standard, chapter 3.9, tables 3-8 to 3-11.
TEST(TextStream, OneReplacementPerMaximalSubpart) {
  EXPECT_EQ(to_valid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(to_valid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA\uFFFD\uFFFDB");
  EXPECT_EQ(to_valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFDA");
}

TEST(TextStream, ByteByByteEqualsTheWhole) {
  const std::string text =
      "Ünïcode: 日本語 한국어 👩‍👩‍👧‍👦 🇫🇷 \u0301 end";
  EXPECT_EQ(to_valid_utf8(text), text);
  for (size_t step = 1; step < 8; ++step) EXPECT_EQ(streamed(text, step), text);
}

TEST(TextStream, RandomBytesByteByByteEqualTheWhole) {
  std::mt19937 random(11);
  // Mostly bytes from which UTF-8 is made, so that parts of characters abound.
  const std::string alphabet = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED\xA0\xFF\xF4\x8F\xBF";
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 40, ' ');
    for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
    const std::string whole = to_valid_utf8(bytes);
    EXPECT_EQ(to_valid_utf8(whole), whole);
    for (size_t step = 1; step < 5; ++step) EXPECT_EQ(streamed(bytes, step), whole);
  }
}

}  // namespace
}  // namespace gptj
