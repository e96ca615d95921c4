// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "checkpoint/config.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

GenerationDefaults parse(const std::string& text) {
  Warnings warnings;
  return parse_generation_defaults(text, "g", warnings);
}

TEST(GenerationDefaults, ReadsEveryField) {
  const GenerationDefaults d = parse(R"({"do_sample": true, "temperature": 0.8, "top_k": 40,
    "top_p": 0.95, "min_p": 0.05, "typical_p": 1, "repetition_penalty": 1.2,
    "no_repeat_ngram_size": 3, "max_new_tokens": 20, "num_beams": 4, "length_penalty": -0.5,
    "early_stopping": true, "bos_token_id": 1, "eos_token_id": [2, 3],
    "_from_model_config": true, "transformers_version": "4.27.1"})");
  EXPECT_EQ(d.do_sample, true);
  EXPECT_EQ(d.temperature, 0.8);
  EXPECT_EQ(d.top_k, 40);
  EXPECT_EQ(d.top_p, 0.95);
  EXPECT_EQ(d.min_p, 0.05);
  EXPECT_EQ(d.typical_p, 1.0);
  EXPECT_EQ(d.repetition_penalty, 1.2);
  EXPECT_EQ(d.no_repeat_ngram_size, 3);
  EXPECT_EQ(d.max_new_tokens, 20);
  EXPECT_EQ(d.num_beams, 4);
  EXPECT_EQ(d.length_penalty, -0.5);
  EXPECT_EQ(d.early_stopping, EarlyStopping::kYes);
  EXPECT_EQ(d.bos_token_id, 1);
  EXPECT_EQ(d.eos_token_ids, (std::vector<int64_t>{2, 3}));
}

TEST(GenerationDefaults, ReadsWhatChangesTokens) {
  const GenerationDefaults d = parse(R"({"max_length": 50, "min_length": 4, "min_new_tokens": 2,
    "num_return_sequences": 3, "encoder_repetition_penalty": 1.5,
    "encoder_no_repeat_ngram_size": 2, "bad_words_ids": [[1], [2, 3], []],
    "suppress_tokens": [4, 5], "begin_suppress_tokens": [6], "forced_bos_token_id": 7,
    "forced_eos_token_id": [8, 9], "exponential_decay_length_penalty": [10, 1.01],
    "stop_strings": ["a", ""], "early_stopping": "never"})");
  EXPECT_EQ(d.max_length, 50);
  EXPECT_EQ(d.min_length, 4);
  EXPECT_EQ(d.min_new_tokens, 2);
  EXPECT_EQ(d.num_return_sequences, 3);
  EXPECT_EQ(d.encoder_repetition_penalty, 1.5);
  EXPECT_EQ(d.encoder_no_repeat_ngram_size, 2);
  EXPECT_EQ(d.bad_words_ids, (std::vector<std::vector<int64_t>>{{1}, {2, 3}}));
  EXPECT_EQ(d.suppress_tokens, (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(d.begin_suppress_tokens, std::vector<int64_t>{6});
  EXPECT_EQ(d.forced_bos_token_id, 7);
  EXPECT_EQ(d.forced_eos_token_ids, (std::vector<int64_t>{8, 9}));
  EXPECT_EQ(d.exponential_decay_length_penalty, (std::pair<int64_t, double>{10, 1.01}));
  EXPECT_EQ(d.stop_strings, std::vector<std::string>{"a"});
  EXPECT_EQ(d.early_stopping, EarlyStopping::kNever);
  EXPECT_EQ(parse(R"({"early_stopping": false})").early_stopping, EarlyStopping::kNo);
  EXPECT_EQ(parse(R"({"forced_eos_token_id": 8})").forced_eos_token_ids, std::vector<int64_t>{8});
  EXPECT_EQ(parse(R"({"stop_strings": "b"})").stop_strings, std::vector<std::string>{"b"});
}

TEST(GenerationDefaults, AbsentAndNullAreEmpty) {
  for (const char* text : {"{}", R"({"do_sample": null, "top_k": null, "eos_token_id": null})"}) {
    const GenerationDefaults d = parse(text);
    EXPECT_EQ(d.do_sample, std::nullopt);
    EXPECT_EQ(d.top_k, std::nullopt);
    EXPECT_TRUE(d.eos_token_ids.empty());
  }
  EXPECT_EQ(parse(R"({"eos_token_id": 5})").eos_token_ids, std::vector<int64_t>{5});
}

TEST(GenerationDefaults, ChecksTypesAndRanges) {
  const auto refuses = [](const std::string& field, const std::string& value,
                          const std::string& expected) {
    expect_error(
        ErrorCode::kBadFile, [&] { parse("{\"" + field + "\": " + value + "}"); },
        "g: " + field + ": expected " + expected + ", found " + value);
  };
  refuses("do_sample", "1", "true or false");
  refuses("early_stopping", "\"soon\"", "true, false or \"never\"");
  refuses("bad_words_ids", "[1]", "a list of lists of token ids");
  refuses("suppress_tokens", "[\"a\"]", "a token id or a list of them");
  refuses("forced_bos_token_id", "[1,2]", "one token id");
  refuses("exponential_decay_length_penalty", "[1]", "[tokens before it begins, a factor above 0]");
  refuses("exponential_decay_length_penalty", "[1,0]",
          "[tokens before it begins, a factor above 0]");
  refuses("stop_strings", "[1]", "a list of strings");
  refuses("min_new_tokens", "-1", "a whole number from 0 to 2147483647");
  refuses("temperature", "-0.5", "a number of at least 0");
  refuses("temperature", "\"hot\"", "a number of at least 0");
  refuses("top_p", "1.5", "a number from 0 to 1");
  refuses("min_p", "-0.1", "a number from 0 to 1");
  refuses("typical_p", "2", "a number from 0 to 1");
  refuses("repetition_penalty", "0", "a number above 0");
  refuses("length_penalty", "true", "a number");
  refuses("top_k", "-1", "a whole number from 0 to 2147483647");
  refuses("top_k", "1.5", "a whole number from 0 to 2147483647");
  refuses("no_repeat_ngram_size", "[]", "a whole number from 0 to 2147483647");
  refuses("max_new_tokens", "0", "a whole number from 1 to 2147483647");
  refuses("num_beams", "0", "a whole number from 1 to 2147483647");
  refuses("bos_token_id", "[1,2]", "one token id");
  refuses("eos_token_id", "\"</s>\"", "a token id or a list of them");
  refuses("eos_token_id", "4294967296", "a token id or a list of them");
}

TEST(GenerationDefaults, DamageIsRefusedOrRead) {
  const std::string whole =
      R"({"do_sample":true,"temperature":0.8,"top_k":5,"eos_token_id":[2,3]})";
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(finishes([&] { parse(whole.substr(0, size)); })) << size;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(byte);
      finishes([&] { parse(damaged); });
    }
  }
}

}  // namespace
}  // namespace gptj::test
