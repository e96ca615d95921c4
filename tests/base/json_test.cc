// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace gptj::test {
namespace {

std::string array_of(size_t n, const std::string& value) {
  std::string text = "[" + value;
  for (size_t i = 1; i < n; ++i) text += "," + value;
  return text + "]";
}

// An empty array of three bytes would take twenty times as many in memory.
TEST(JsonTest, MoreValuesThanAnyFileNeedsAreRefusedBeforeTheyAreParsed) {
  EXPECT_EQ(parse_json(array_of(1'999'999, "0"), "FILE").size(), 1'999'999u);
  EXPECT_EQ(parse_json("\"" + std::string(3'000'000, ',') + "\"", "FILE").size(), 1u);
  for (const char* value : {"0", "[]", "{}", "[[]]"}) {
    expect_error(
        ErrorCode::kBadFile, [&] { parse_json(array_of(2'000'000, value), "FILE"); },
        "FILE: more than 2000000 JSON values");
  }
}

TEST(JsonTest, WhatIsNotTaken) {
  const auto refused = [](const std::string& text, const char* word) {
    expect_error(
        ErrorCode::kBadFile, [&] { parse_json(text, "FILE"); }, "FILE: ", word);
  };
  refused("", "not valid JSON");
  refused("[1,]", "not valid JSON");
  refused("1e999", "not valid JSON");
  refused(std::string("1\0", 2), "byte 1 is zero");
  refused(std::string(65, '['), "nested deeper than 64 levels");
}

}  // namespace
}  // namespace gptj::test
