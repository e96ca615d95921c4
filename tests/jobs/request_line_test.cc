// SPDX-License-Identifier: Apache-2.0
#include "jobs/request_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gptj {
namespace {

RequestLine parse(std::string_view line) { return parse_request_line(line, 7, {}); }

TEST(RequestLine, HasTheFieldsOfARequest) {
  const RequestLine line =
      parse(R"({"id": "a", "prompt": "Once", "max_tokens": 5, "top_p": 0.5, "seed": null})");
  ASSERT_FALSE(line.error);
  EXPECT_EQ(line.id, "\"a\"");
  EXPECT_FALSE(line.envelope);
  EXPECT_FALSE(line.has_seed);
  EXPECT_EQ(std::get<std::string>(line.request.prompt), "Once");
  EXPECT_EQ(line.request.max_tokens, 5);
  EXPECT_EQ(line.request.top_p, 0.5);
}

TEST(RequestLine, TakesDefaultsWhereItDoesNotSay) {
  Request defaults;
  defaults.max_tokens = 9;
  defaults.top_p = 0.25;
  const RequestLine line =
      parse_request_line(R"({"prompt": [1, 2], "max_tokens": 5, "seed": 3})", 7, defaults);
  ASSERT_FALSE(line.error);
  EXPECT_EQ(line.id, "\"line-7\"");
  EXPECT_TRUE(line.has_seed);
  EXPECT_EQ(std::get<1>(line.request.prompt), (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(line.request.max_tokens, 5);
  EXPECT_EQ(line.request.top_p, 0.25);
}

TEST(RequestLine, IdsMayBeIntegersAndCustom) {
  EXPECT_EQ(parse(R"({"id": 12, "prompt": "x"})").id, "12");
  EXPECT_EQ(parse(R"({"custom_id": "c", "prompt": "x"})").id, "\"c\"");
}

TEST(RequestLine, ALinesNameOfAFieldCountsBeforeADefaultsOtherName) {
  Request defaults;
  defaults.max_tokens = 2;
  defaults.n = 3;
  defaults.temperature = 0.7;
  const auto read = [&](const char* text) { return parse_request_line(text, 1, defaults).request; };
  const Request other = read(
      R"({"prompt": "a", "max_new_tokens": 5, "num_return_sequences": 4, "do_sample": false})");
  EXPECT_EQ(other.max_tokens, std::nullopt);
  EXPECT_EQ(other.max_new_tokens, 5);
  EXPECT_EQ(other.n, std::nullopt);
  EXPECT_EQ(other.num_return_sequences, 4);
  EXPECT_EQ(other.temperature, std::nullopt);
  defaults = other;
  const Request back = read(R"({"prompt": "a", "max_tokens": 2, "n": 1, "temperature": 1.5})");
  EXPECT_EQ(back.max_new_tokens, std::nullopt);
  EXPECT_EQ(back.num_return_sequences, std::nullopt);
  EXPECT_EQ(back.do_sample, std::nullopt);
  const Request both = read(R"({"prompt": "a", "max_tokens": 2, "max_new_tokens": 3})");
  EXPECT_EQ(both.max_tokens, 2);
  EXPECT_EQ(both.max_new_tokens, 3);  // at odds, which the plan refuses
}

TEST(RequestLine, TakesListsOfPrompts) {
  using Ids = std::vector<TokenId>;
  using Prompts = std::vector<TextOrIds>;
  EXPECT_EQ(parse(R"({"prompt": "a"})").prompts, Prompts{"a"});
  EXPECT_EQ(parse(R"({"prompt": ["a"]})").prompts, Prompts{"a"});
  EXPECT_EQ(parse(R"({"prompt": ["a", ""]})").prompts, (Prompts{"a", ""}));
  EXPECT_EQ(parse(R"({"prompt": [1, 2]})").prompts, (Prompts{Ids{1, 2}}));
  EXPECT_EQ(parse(R"({"prompt": [[1, 2], [3], []]})").prompts, (Prompts{Ids{1, 2}, Ids{3}, Ids{}}));
  EXPECT_EQ(parse(R"({"prompt": []})").prompts, Prompts{Ids{}});
}

TEST(RequestLine, FieldsOfServersAreIgnored) {
  EXPECT_FALSE(parse(R"({"prompt": "x", "model": "gpt-j", "user": "u", "stream": false})").error);
}

TEST(RequestLine, ReadsOpenAisEnvelope) {
  const RequestLine line = parse(
      R"({"custom_id": "c", "method": "POST", "url": "/v1/completions", "body": {"prompt": "x", "n": 2}})");
  ASSERT_FALSE(line.error) << line.error->what();
  EXPECT_TRUE(line.envelope);
  EXPECT_EQ(line.id, "\"c\"");
  EXPECT_EQ(line.request.n, 2);
}

struct Wrong {
  const char* line;
  const char* param;
  const char* words;
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.param; }

class WrongLine : public testing::TestWithParam<Wrong> {};

TEST_P(WrongLine, IsARecordThatNamesTheField) {
  const RequestLine line = parse(GetParam().line);
  ASSERT_TRUE(line.error) << GetParam().line;
  EXPECT_EQ(line.error->code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(line.error->param(), GetParam().param);
  EXPECT_NE(std::string(line.error->what()).find(GetParam().words), std::string::npos)
      << line.error->what();
  const auto record = nlohmann::json::parse(error_record(line, *line.error));
  EXPECT_EQ(record.at("error").at("code"), "invalid_argument");
  EXPECT_EQ(record.at("error").at("message"), to_valid_utf8(line.error->what()));
  if (line.envelope) {
    EXPECT_TRUE(record.at("response").is_null());
  } else {
    EXPECT_TRUE(record.contains("id"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    RequestLine, WrongLine,
    testing::Values(
        Wrong{"{", "", "line"}, Wrong{"\xff", "", "line"}, Wrong{"[1]", "", "object"},
        Wrong{"{}", "prompt", "found none"}, Wrong{R"({"prompt": null})", "prompt", "found none"},
        Wrong{R"({"prompt": 5})", "prompt", "found 5"},
        Wrong{R"({"prompt": ["a", [1]]})", "prompt", "a list of either"},
        Wrong{R"({"prompt": [[1], "b"]})", "prompt", "a list of either"},
        Wrong{R"({"prompt": [[1], [[2]]]})", "prompt", "a list of either"},
        Wrong{R"({"prompt": [1.5]})", "prompt", "token ids"},
        Wrong{R"({"prompt": "x", "max_tokens": "5"})", "max_tokens", "an integer, found \"5\""},
        Wrong{R"({"prompt": "x", "temprature": 1})", "temprature", "a field of a request"},
        Wrong{R"({"prompt": "x", "stream": true})", "stream", "found true"},
        Wrong{R"({"prompt": "x", "id": [1]})", "id", "text or an integer"},
        Wrong{R"({"url": "/v1/chat/completions", "body": {"prompt": "x"}})", "url",
              "/v1/completions"},
        Wrong{R"({"method": "GET", "body": {"prompt": "x"}})", "method", "POST"},
        Wrong{R"({"custom_id": "c", "url": "/v1/completions"})", "body", "found none"},
        Wrong{R"({"custom_id": "c", "body": []})", "body", "an object"},
        Wrong{R"({"custom_id": "c", "body": {"prompt": "x"}, "prompt": "y"})", "prompt",
              "custom_id, method, url or body"},
        Wrong{R"({"custom_id": "c", "body": {"prompt": "x", "id": 1}})", "id",
              "a field of a request"}));

}  // namespace
}  // namespace gptj
