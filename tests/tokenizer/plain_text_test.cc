// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "gptj/tokenizer.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

std::string utf16(std::string_view text, bool big, bool marked) {
  std::string bytes;
  if (marked) bytes = big ? "\xFE\xFF" : "\xFF\xFE";
  for (const char letter : text) {
    if (big) bytes += '\0';
    bytes += letter;
    if (!big) bytes += '\0';
  }
  return bytes;
}

TEST(PlainText, WindowsNewlinesAndMarksGo) {
  EXPECT_EQ(plain_text("a\r\nb\r\n", "f"), "a\nb\n");
  EXPECT_EQ(plain_text("a\rb\n\r", "f"), "a\rb\n\r");
  EXPECT_EQ(plain_text("\r\r\n", "f"), "\r\n");
  EXPECT_EQ(plain_text("\xEF\xBB\xBFOnce", "f"), "Once");
  EXPECT_EQ(plain_text("Once\xEF\xBB\xBF", "f"), "Once\xEF\xBB\xBF");
  EXPECT_EQ(plain_text("", "f"), "");
  EXPECT_EQ(plain_text("\xFF one byte that is no UTF-8", "f"), "\xFF one byte that is no UTF-8");
  EXPECT_EQ(plain_text(std::string("a zero\0 in a text", 17), "f"),
            std::string("a zero\0 in a text", 17));
}

TEST(PlainText, Utf16IsRefusedByName) {
  for (const bool big : {false, true}) {
    for (const bool marked : {false, true}) {
      expect_error(
          ErrorCode::kUnsupported,
          [&] { plain_text(utf16("Once upon a time", big, marked), "story.txt"); },
          "story.txt: expected text in UTF-8, found UTF-16");
    }
  }
  expect_error(
      ErrorCode::kUnsupported, [] { plain_text(std::string("\xFF\xFE\0\0O\0\0\0", 8), "f"); },
      "found UTF-32");
}

}  // namespace
}  // namespace gptj::test
