// SPDX-License-Identifier: Apache-2.0
// The validator: every message names its field.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "generate/models.h"

namespace gptj {
namespace {

using test::fairytale;
using test::golden_model;
using test::request_of;

using Ids = std::vector<TokenId>;

// Expects `call` to throw kInvalidArgument that names `field`, in param and message.
void expect_field(const std::string& field, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << field << ": expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error_code_name(error.code()), "invalid_argument") << error.what();
    EXPECT_EQ(error.param(), field);
    EXPECT_TRUE(std::string(error.what()).starts_with(field + ": expected ")) << error.what();
    EXPECT_NE(std::string(error.what()).find("found"), std::string::npos) << error.what();
  }
}

struct Wrong {
  const char* field;
  std::function<void(Request&)> set;
};

TEST(Plan, EveryMessageNamesItsField) {
  const double nan = std::nan(""), inf = INFINITY;
  const Wrong wrong[] = {
      {"prompt", [](Request& r) { r.prompt = Ids{131}; }},
      {"prompt", [](Request& r) { r.prompt = Ids{-1}; }},
      {"prompt", [](Request& r) { r.prompt = "text, but no tokenizer"; }},
      {"max_tokens", [](Request& r) { r.max_tokens = -1; }},
      {"max_tokens", [](Request& r) { r.max_tokens = INT64_MAX; }},
      {"min_tokens", [](Request& r) { r.min_tokens = -1; }},
      {"min_tokens", [](Request& r) { r.min_tokens = *r.max_tokens + 1; }},
      {"temperature", [](Request& r) { r.temperature = -0.1; }},
      {"temperature", [=](Request& r) { r.temperature = nan; }},
      {"temperature", [=](Request& r) { r.temperature = inf; }},
      {"top_k", [](Request& r) { r.top_k = -1; }},
      {"top_p", [](Request& r) { r.top_p = 1.1; }},
      {"top_p", [=](Request& r) { r.top_p = nan; }},
      {"min_p", [](Request& r) { r.min_p = -0.1; }},
      {"typical_p", [](Request& r) { r.typical_p = 2; }},
      {"repetition_penalty", [](Request& r) { r.repetition_penalty = 0; }},
      {"repetition_penalty", [](Request& r) { r.repetition_penalty = 1e-300; }},
      {"repetition_penalty", [](Request& r) { r.repetition_penalty = 1e39; }},
      {"repetition_penalty", [=](Request& r) { r.repetition_penalty = inf; }},
      {"repetition_penalty_range", [](Request& r) { r.repetition_penalty_range = -1; }},
      {"frequency_penalty", [](Request& r) { r.frequency_penalty = 2.1; }},
      {"frequency_penalty", [=](Request& r) { r.frequency_penalty = nan; }},
      {"presence_penalty", [](Request& r) { r.presence_penalty = -2.1; }},
      {"logit_bias",
       [](Request& r) {
         r.logit_bias = {{3, 100.5}};
       }},
      {"logit_bias",
       [](Request& r) {
         r.logit_bias = {{131, 1}};
       }},
      {"logit_bias",
       [](Request& r) {
         r.logit_bias = {{-1, 1}};
       }},
      {"no_repeat_ngram_size", [](Request& r) { r.no_repeat_ngram_size = -1; }},
      {"bad_words", [](Request& r) { r.bad_words = {Ids{}}; }},
      {"bad_words", [](Request& r) { r.bad_words = {""}; }},
      {"bad_words",
       [](Request& r) {
         r.bad_words = {Ids{1, 131}};
       }},
      {"bad_words", [](Request& r) { r.bad_words = {"text, but no tokenizer"}; }},
      {"stop", [](Request& r) { r.stop = {"text, but no tokenizer"}; }},
      {"stop", [](Request& r) { r.stop = {""}; }},
      {"stop", [](Request& r) { r.stop = std::vector<std::string>(65, "x"); }},
      {"logprobs", [](Request& r) { r.logprobs = -1; }},
      {"logprobs", [](Request& r) { r.logprobs = 21; }},
      {"n", [](Request& r) { r.n = 0; }},
      {"n", [](Request& r) { r.n = 1000; }},
      {"best_of", [](Request& r) { r.n = 3, r.best_of = 2; }},
      {"best_of", [](Request& r) { r.best_of = 1000; }},
      {"seed", [](Request& r) { r.seed = -1; }},
  };
  for (const Wrong& each : wrong) {
    Request request = request_of(Ids{1, 2, 3}, 4);
    each.set(request);
    expect_field(each.field, [&] { complete(golden_model(), request); });
  }
}

TEST(Plan, HuggingFacesNamesAreUnderstood) {
  Request request = request_of(Ids{1, 2, 3}, 4);
  const Ids greedy = complete(golden_model(), request).choices[0].token_ids;
  request.max_new_tokens = 4;
  request.temperature.reset();
  request.do_sample = false;
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids, greedy);
  request.temperature = 1;  // transformers' default, which greedy does not use
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids, greedy);
  request.do_sample = true;
  Request sampled = request_of(Ids{1, 2, 3}, 4, 1);
  const Ids ids = complete(golden_model(), sampled).choices[0].token_ids;
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids, ids);
  request.temperature.reset();
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids, ids);
  request.max_new_tokens = 5;
  expect_field("max_new_tokens", [&] { complete(golden_model(), request); });
  request.max_tokens.reset();
  EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids.size(), 5u);
  request.temperature = 0;
  expect_field("temperature", [&] { complete(golden_model(), request); });
  request.do_sample = false;
  request.temperature = 0.5;
  expect_field("temperature", [&] { complete(golden_model(), request); });
}

// Where a prompt fills the context, a default length is what fits, never nothing at all.
TEST(Plan, ADefaultLengthLeavesRoomForATextOrSaysSo) {
  const auto made = [](size_t prompt, Overflow overflow) {
    Request request;
    request.prompt = Ids(prompt, 5);
    request.overflow = overflow;
    return complete(golden_model(), request).usage;
  };
  EXPECT_EQ(made(127, Overflow::kError).completion_tokens, 1);
  for (const size_t prompt : {size_t{128}, size_t{129}}) {
    try {
      made(prompt, Overflow::kError);
      ADD_FAILURE() << prompt;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kContextLength);
      EXPECT_EQ(error.param(), "prompt");
      EXPECT_NE(std::string(error.what()).find("expected at most 127"), std::string::npos);
    }
  }
  for (const size_t prompt : {size_t{65}, size_t{127}, size_t{128}, size_t{129}, size_t{300}}) {
    const Usage usage = made(prompt, Overflow::kTruncate);
    EXPECT_EQ(usage.prompt_tokens, 64) << prompt;
  }
}

TEST(Plan, TheEdgesOfTheRangesAreAllowed) {
  Request request = request_of("a", 1);
  request.stop = std::vector<std::string>(64, "x");
  request.logprobs = 20;
  request.seed = INT64_MAX;
  request.frequency_penalty = -2;
  request.presence_penalty = 2;
  request.logit_bias = {{0, -100}, {fairytale().config().vocab_size - 1, 100}};
  request.top_k = INT64_MAX;
  request.top_p = 0;
  request.min_p = 1;
  request.temperature = 1;
  EXPECT_EQ(complete(fairytale(), request).seed, INT64_MAX);
}

TEST(RequestFields, AreSetFromJson) {
  Request request;
  const auto set = [&](const char* name, const char* json) {
    set_request_field(request, name, json);
  };
  set("max_tokens", "3");
  set("min_tokens", "2");
  set("temperature", "0.5");
  set("top_k", "5");
  set("top_p", "1");
  set("min_p", "0.25");
  set("typical_p", "0.75");
  set("repetition_penalty", "1.5");
  set("repetition_penalty_range", "64");
  set("frequency_penalty", "-1.5");
  set("presence_penalty", "1");
  set("logit_bias", R"({"3": -100, "7": 1.5})");
  set("no_repeat_ngram_size", "4");
  set("bad_words", R"(["a", [1, 2]])");
  set("stop", R"(["a", "b"])");
  set("logprobs", "0");
  set("echo", "true");
  set("n", "2");
  set("best_of", "3");
  set("seed", "9223372036854775807");
  set("ignore_eos", "true");
  set("overflow", "\"truncate\"");
  EXPECT_EQ(request.max_tokens, 3);
  EXPECT_EQ(request.min_tokens, 2);
  EXPECT_EQ(request.temperature, 0.5);
  EXPECT_EQ(request.top_k, 5);
  EXPECT_EQ(request.top_p, 1);
  EXPECT_EQ(request.min_p, 0.25);
  EXPECT_EQ(request.typical_p, 0.75);
  EXPECT_EQ(request.repetition_penalty, 1.5);
  EXPECT_EQ(request.repetition_penalty_range, 64);
  EXPECT_EQ(request.frequency_penalty, -1.5);
  EXPECT_EQ(request.presence_penalty, 1);
  EXPECT_EQ(request.logit_bias, (std::map<TokenId, double>{{3, -100}, {7, 1.5}}));
  EXPECT_EQ(request.no_repeat_ngram_size, 4);
  EXPECT_EQ(request.bad_words, (std::vector<TextOrIds>{"a", Ids{1, 2}}));
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.logprobs, 0);
  EXPECT_TRUE(request.echo);
  EXPECT_EQ(request.n, 2);
  EXPECT_EQ(request.best_of, 3);
  EXPECT_EQ(request.seed, INT64_MAX);
  EXPECT_TRUE(request.ignore_eos);
  EXPECT_EQ(request.overflow, Overflow::kTruncate);
  set("max_new_tokens", "3");
  set("do_sample", "false");
  set("early_stopping", "\"never\"");
  EXPECT_EQ(request.max_new_tokens, 3);
  EXPECT_EQ(request.do_sample, false);
  EXPECT_EQ(request.early_stopping, EarlyStopping::kNever);
  set("early_stopping", "true");
  EXPECT_EQ(request.early_stopping, EarlyStopping::kYes);
  set("stop", "\"one\"");
  EXPECT_EQ(request.stop, std::vector<std::string>{"one"});
  set("prefix_lm", "true");
  EXPECT_TRUE(request.prefix_lm);
  set("overflow", "\"slide\"");
  EXPECT_EQ(request.overflow, Overflow::kSlide);
  set("overflow", "\"error\"");
  EXPECT_EQ(request.overflow, Overflow::kError);
  for (const RequestField& field : request_fields()) set(field.name, "null");
  EXPECT_EQ(request.stop, std::vector<std::string>{"one"});
  EXPECT_EQ(request.n, 2);
}

TEST(RequestFields, AWrongTypeNamesTheField) {
  Request request;
  size_t fields = 0;
  for (const RequestField& field : request_fields()) {
    for (const char* json : {"[[\"x\"]]", "{\"x\": \"y\"}", "\"sometimes\"", "1.5", "true"}) {
      const std::string text = json;
      const bool right =
          ((field.kind == FieldKind::kFlag || field.kind == FieldKind::kFlagOrNever) &&
           text == "true") ||
          (field.kind == FieldKind::kNumber && text == "1.5") ||
          (std::string(field.name) == "stop" && text == "\"sometimes\"");
      if (right) continue;
      expect_field(field.name, [&] { set_request_field(request, field.name, json); });
    }
    ++fields;
    EXPECT_NE(std::string(field.help), "");
  }
  EXPECT_EQ(fields, 29u);
  expect_field("seed", [&] { set_request_field(request, "seed", "9223372036854775808"); });
  expect_field("logit_bias", [&] { set_request_field(request, "logit_bias", "{\"3x\": 1}"); });
  expect_field("logit_bias", [&] { set_request_field(request, "logit_bias", "{\"3\": \"1\"}"); });
}

TEST(RequestFields, TypedValuesAreThoseOfTheirJson) {
  const struct {
    const char* field;
    std::vector<std::string> typed;
    const char* json;
  } cases[] = {
      {"max_tokens", {"4", "3"}, "3"},
      {"temperature", {".5"}, "0.5"},
      {"echo", {"true"}, "true"},
      {"early_stopping", {"never"}, R"("never")"},
      {"overflow", {"slide"}, R"("slide")"},
      {"stop", {"a", "\xff"}, R"(["a","\ufffd"])"},
      {"logit_bias", {"3=-100", "7=1.5"}, R"({"3":-100,"7":1.5})"},
  };
  for (const auto& c : cases) {
    Request typed, expected;
    set_request_field(typed, c.field, c.typed);
    set_request_field(expected, c.field, c.json);
    EXPECT_EQ(typed.max_tokens, expected.max_tokens);
    EXPECT_EQ(typed.temperature, expected.temperature);
    EXPECT_EQ(typed.echo, expected.echo);
    EXPECT_EQ(typed.early_stopping, expected.early_stopping);
    EXPECT_EQ(typed.overflow, expected.overflow);
    EXPECT_EQ(typed.stop, expected.stop);
    EXPECT_EQ(typed.logit_bias, expected.logit_bias);
    Request from_json;
    set_request_field(from_json, c.field, request_field_json(c.field, c.typed));
    EXPECT_EQ(from_json.stop, expected.stop);
    EXPECT_EQ(from_json.logit_bias, expected.logit_bias);
  }
  for (const char* wrong : {"3", "3=", "3=x", "3=inf", "x=1"}) {
    Request request;
    const std::vector<std::string> typed = {wrong};
    EXPECT_THROW(set_request_field(request, "logit_bias", typed), Error) << wrong;
  }
}

TEST(RequestFields, UnknownOrBrokenIsAnErrorToo) {
  Request request;
  try {
    set_request_field(request, "max_token", "3");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.param(), "max_token");
    EXPECT_NE(std::string(error.what()).find("max_token"), std::string::npos);
  }
  EXPECT_THROW(set_request_field(request, "max_tokens", "3 4"), Error);
  EXPECT_THROW(set_request_field(request, "max_tokens", ""), Error);
}

}  // namespace
}  // namespace gptj
