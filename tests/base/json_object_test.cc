// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/json.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

TEST(JsonTextTest, DuplicateKeysCountWithinTheirObject) {
  const auto parse = [](const char* text) {
    return parse_json_object(text, "FILE", DuplicateKeys::kRefused);
  };
  EXPECT_EQ(parse(R"({"a": {"a": 1, "b": [{"a": 2}]}, "b": {"a": null}})").size(), 2u);
  for (const char* text : {R"({"a": 1, "a": 1})", R"({"b": [1.5, {"a": "", "\u0061": true}]})"}) {
    expect_error(
        ErrorCode::kBadFile, [&] { parse(text); }, R"(FILE: the key "a" is given twice)");
  }
  EXPECT_EQ(parse_json_object(R"({"a": 1, "a": 2})", "FILE", DuplicateKeys::kLastCounts).at("a"),
            2);
}

// In time that grows with the text, not with its square.
TEST(JsonTextTest, AnObjectOfManyObjects) {
  std::string text = "{\"\":0";
  for (int i = 0; i < 500'000; ++i) text += concat(",\"", i, "\":{}");
  EXPECT_EQ(parse_json_object(text + "}", "FILE", DuplicateKeys::kRefused).size(), 500'001u);
}

}  // namespace
}  // namespace gptj::test
