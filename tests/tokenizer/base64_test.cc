// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/files/base64.h"

#include <gtest/gtest.h>

#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

TEST(Base64, EveryLengthComesBack) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes), "x"), bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST(Base64, KnownValues) {  // RFC 4648, section 10
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
}

// Every text of up to four characters of these: what is accepted is what to_base64() writes.
TEST(Base64, AcceptsWhatItWritesAlone) {
  const std::string digits = "AQRf/=*";
  std::vector<std::string> texts = {""};
  for (size_t i = 0; i < texts.size() && texts[i].size() < 4; ++i) {
    for (const char digit : digits) texts.push_back(texts[i] + digit);
  }
  int accepted = 0;
  for (const std::string& text : texts) {
    try {
      EXPECT_EQ(to_base64(from_base64(text, "x")), text);
      ++accepted;
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "x: expected base64");
    }
  }
  // Nothing; four digits; three and "=" where 2 bits are zero; two and "==" where 4 are.
  EXPECT_EQ(accepted, 1 + 5 * 5 * 5 * 5 + 5 * 5 * 2 + 5 * 2);
}

TEST(Base64, BitsThatBelongToNoByte) {
  for (const char* text : {"QR==", "QUJ=", "QUJDQR=="}) {
    expect_error(ErrorCode::kBadFile, "x: expected base64", [&] { from_base64(text, "x"); });
  }
  EXPECT_EQ(from_base64("QQ==", "x"), "A");
}

}  // namespace
}  // namespace gptj
