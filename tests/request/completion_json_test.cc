// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "generate/models.h"
#include "request/text_offsets.h"

namespace gptj {
namespace {

using nlohmann::ordered_json;
using test::fairytale;
using test::golden_model;
using test::request_of;

using Ids = std::vector<TokenId>;
using Keys = std::vector<std::string>;

Keys keys_of(const ordered_json& json) {
  Keys keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

struct Run {
  Completion completion;
  ordered_json json;
};

Run run(const Model& model, const Request& request) {
  const Completion completion = complete(model, request);
  const std::string line = completion_json(model, request, completion);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  return {completion, ordered_json::parse(line)};
}

TEST(CompletionJson, HasOpenAIsShape) {
  Request request = request_of("Once upon a time", 4);
  request.n = 2;
  const auto [completion, json] = run(fairytale(), request);
  EXPECT_EQ(keys_of(json), (Keys{"object", "model", "choices", "usage", "seed"}));
  EXPECT_EQ(json["object"], "text_completion");
  EXPECT_EQ(json["model"], "fairytale-8m");
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(keys_of(json["usage"]), (Keys{"prompt_tokens", "completion_tokens", "total_tokens"}));
  EXPECT_EQ(json["usage"]["prompt_tokens"], completion.usage.prompt_tokens);
  EXPECT_EQ(json["usage"]["completion_tokens"], 8);
  EXPECT_EQ(json["usage"]["total_tokens"], completion.usage.total_tokens);
  ASSERT_EQ(json["choices"].size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const ordered_json& choice = json["choices"][i];
    EXPECT_EQ(keys_of(choice),
              (Keys{"text", "index", "finish_reason", "token_ids", "logprobs", "score"}));
    EXPECT_EQ(choice["text"], *completion.choices[i].text);
    EXPECT_EQ(choice["index"], i);
    EXPECT_EQ(choice["finish_reason"], "length");
    EXPECT_EQ(choice["token_ids"].get<Ids>(), completion.choices[i].token_ids);
    EXPECT_TRUE(choice["logprobs"].is_null());
    EXPECT_TRUE(choice["score"].is_null());
  }
}

TEST(CompletionJson, LogprobsAreAsLongAsTheIds) {
  Request request = request_of("Once upon a time", 6);
  request.logprobs = 4;
  request.echo = true;
  const auto [completion, json] = run(fairytale(), request);
  const Choice& choice = completion.choices[0];
  const ordered_json& logprobs = json["choices"][0]["logprobs"];
  EXPECT_EQ(keys_of(logprobs), (Keys{"tokens", "token_logprobs", "top_logprobs", "text_offset"}));
  for (const auto& [key, list] : logprobs.items()) EXPECT_EQ(list.size(), choice.token_ids.size());
  EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
  EXPECT_TRUE(logprobs["top_logprobs"][0].is_null());
  std::string text;
  for (const auto& token : logprobs["tokens"]) text += token.get<std::string>();
  EXPECT_EQ(text, json["choices"][0]["text"]);
  for (size_t i = 1; i < choice.token_ids.size(); ++i) {
    // A float comes back exactly.
    EXPECT_EQ(logprobs["token_logprobs"][i].get<float>(), choice.logprobs[i].logprob);
    const ordered_json& top = logprobs["top_logprobs"][i];
    ASSERT_GE(top.size(), 4u);  // and the token itself, where it is not among them
    EXPECT_EQ(top[logprobs["tokens"][i].get<std::string>()], logprobs["token_logprobs"][i]);
    size_t t = 0;
    for (const auto& [key, value] : top.items()) {
      if (t == 4) break;
      EXPECT_EQ(value.get<float>(), choice.logprobs[i].top[t].logprob);
      const TokenId id = choice.logprobs[i].top[t++].id;
      EXPECT_TRUE(key == fairytale().tokenizer()->token_bytes(id) ||
                  key == "token_id:" + std::to_string(id));
    }
  }
}

TEST(CompletionJson, LogprobsZeroHasTheChosenToken) {
  Request request = request_of("Once upon a time", 2);
  request.logprobs = 0;
  const ordered_json json = run(fairytale(), request).json;
  const ordered_json& logprobs = json["choices"][0]["logprobs"];
  for (size_t i = 0; i < 2; ++i) {
    const ordered_json& top = logprobs["top_logprobs"][i];
    EXPECT_EQ(top.size(), 1u);
    EXPECT_EQ(top[logprobs["tokens"][i].get<std::string>()], logprobs["token_logprobs"][i]);
  }
}

TEST(CompletionJson, WithoutATokenizerThereAreIds) {
  Request request = request_of(Ids{1, 2, 3}, 3);
  request.logprobs = 2;
  const auto [completion, json] = run(golden_model(), request);
  const ordered_json& choice = json["choices"][0];
  EXPECT_TRUE(choice["text"].is_null());
  for (size_t i = 0; i < completion.choices[0].token_ids.size(); ++i) {
    EXPECT_EQ(choice["logprobs"]["tokens"][i],
              "token_id:" + std::to_string(completion.choices[0].token_ids[i]));
    EXPECT_TRUE(choice["logprobs"]["text_offset"][i].is_null());
    const LogprobEntry& entry = completion.choices[0].logprobs[i];
    EXPECT_EQ(keys_of(choice["logprobs"]["top_logprobs"][i]),
              (Keys{"token_id:" + std::to_string(entry.top[0].id),
                    "token_id:" + std::to_string(entry.top[1].id)}));
  }
}

// A token that is part of a character.
TEST(CompletionJson, ATokenThatIsNotUtf8IsNamedByItsBytes) {
  const TokenId id = fairytale().tokenizer()->find("\xC3").value();
  Request request = request_of("caf", 1);
  request.logit_bias = {{id, 100}};
  request.logprobs = 0;
  const Completion completion = complete(fairytale(), request);
  Completion shown = completion;
  shown.choices[0].logprobs[0].top = {{id, -1.5f}};
  const auto json = ordered_json::parse(completion_json(fairytale(), request, shown));
  const ordered_json& choice = json["choices"][0];
  EXPECT_EQ(choice["text"], "\xEF\xBF\xBD");
  EXPECT_EQ(choice["logprobs"]["tokens"][0], "bytes:\\xc3");
  EXPECT_EQ(choice["logprobs"]["top_logprobs"][0], ordered_json({{"bytes:\\xc3", -1.5}}));
}

// The cases of clients: text_offset counts from the prompt's first character, echoed or not, and
// the chosen token is among the best.
TEST(CompletionJson, OffsetsCountCodePointsFromThePromptsFirst) {
  Request request = request_of("Once upon", 1);
  request.logprobs = 1;
  request.echo = true;
  const auto offsets = [](const ordered_json& json) {
    return json["choices"][0]["logprobs"]["text_offset"].get<Ids>();
  };
  EXPECT_EQ(offsets(run(fairytale(), request).json), (Ids{0, 4, 9}));
  request.echo = false;
  EXPECT_EQ(offsets(run(fairytale(), request).json), Ids{9});
  request.echo = true;
  request.max_tokens = 0;
  const ordered_json scored = run(fairytale(), request).json;
  const ordered_json& top = scored["choices"][0]["logprobs"]["top_logprobs"][1];
  EXPECT_EQ(keys_of(top), (Keys{" there", " upon"}));
  EXPECT_NEAR(top[" upon"].get<float>(), -5.1475f, 1e-3f);  // in f16 -5.147717
}

TEST(TextOffsets, PartsOfACharacterShareItsOffset) {
  TextOffsets offsets;
  EXPECT_EQ(offsets.push("a\u00e9"), 0);
  EXPECT_EQ(offsets.push("\xF0\x9F"), 2);
  EXPECT_EQ(offsets.push("\x98"), 2);
  EXPECT_EQ(offsets.push("\x80"), 2);
  EXPECT_EQ(offsets.push("b"), 3);
  EXPECT_EQ(offsets.push(""), 4);
  EXPECT_EQ(offsets.push("\xC3"), 4);  // begins a character that never ends: U+FFFD
  EXPECT_EQ(offsets.push("c"), 5);
  EXPECT_EQ(offsets.push("\xFF"), 6);
  EXPECT_EQ(offsets.push("d"), 7);
}

}  // namespace
}  // namespace gptj
