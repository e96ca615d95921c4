// SPDX-License-Identifier: Apache-2.0
// Events put together are the choice.
#include <gtest/gtest.h>

#include "generate/models.h"

namespace gptj {
namespace {

using test::fairytale;
using test::golden_model;
using test::request_of;

using Ids = std::vector<TokenId>;

struct Streamed {
  Ids ids;
  std::string bytes, text;
  std::optional<FinishReason> finish_reason;
};

// Runs the request, and checks each event by itself.
std::vector<Streamed> stream(const Model& model, Request request, Completion& completion) {
  std::vector<Streamed> samples(
      static_cast<size_t>(request.best_of.value_or(request.n.value_or(1))));
  request.on_token = [&](const TokenEvent& event) {
    Streamed& sample = samples.at(static_cast<size_t>(event.index));
    EXPECT_FALSE(sample.finish_reason) << "an event after the last";
    EXPECT_EQ(to_valid_utf8(event.text), event.text);
    sample.ids.push_back(event.id);
    sample.bytes += event.bytes;
    sample.text += event.text;
    sample.finish_reason = event.finish_reason;
    return Progress::kContinue;
  };
  completion = complete(model, request);
  return samples;
}

void expect_streams(const Model& model, const Request& request) {
  Completion completion;
  const auto samples = stream(model, request, completion);
  ASSERT_EQ(samples.size(), completion.choices.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    const Choice& choice = completion.choices[i];
    EXPECT_EQ(samples[i].ids, choice.token_ids);
    EXPECT_EQ(samples[i].text, choice.text.value_or(""));
    EXPECT_EQ(samples[i].finish_reason, choice.finish_reason);
  }
}

TEST(Stream, EventsAreTheChoice) {
  Request request = request_of("Once upon a time", 40, 1);
  request.n = 4;
  request.stop = {"the", "\n\n", "nowhere to be found"};
  expect_streams(fairytale(), request);
  request.stop = {};
  request.ignore_eos = true;
  expect_streams(fairytale(), request);
  request.min_p = 0;
  request.temperature = 5;  // noise: characters cut in two, bytes that are not UTF-8
  expect_streams(fairytale(), request);
}

TEST(Stream, WithoutATokenizerEventsHaveIdsAlone) {
  Completion completion;
  const auto samples = stream(golden_model(), request_of(Ids{1, 2, 3}, 5), completion);
  EXPECT_EQ(samples[0].ids, completion.choices[0].token_ids);
  EXPECT_EQ(samples[0].bytes + samples[0].text, "");
}

// Forces the model to say `bytes`, one token each.
Request forced(const std::string& prompt, const std::string& bytes) {
  Request request = request_of(prompt, static_cast<int64_t>(bytes.size()));
  Ids ids;
  for (const char byte : bytes) {
    const auto id = fairytale().tokenizer()->find(std::string(1, byte));
    ids.push_back(id.value());
  }
  const size_t prompt_size = std::max<size_t>(1, fairytale().tokenizer()->encode(prompt).size());
  request.on_logits = [=](int64_t, std::span<const TokenId> all, std::span<float> logits) {
    logits[static_cast<size_t>(ids[all.size() - prompt_size])] = 1e6f;
  };
  return request;
}

TEST(Stream, CharactersAreNotCut) {
  Request request = forced("a", "\xF0\x9F\x99\x82\xC3\xA9\xFF!\xE5\x8C");
  std::vector<std::string> events;
  request.on_token = [&](const TokenEvent& event) {
    events.emplace_back(event.text);
    return Progress::kContinue;
  };
  const std::string text = *complete(fairytale(), request).choices[0].text;
  const std::vector<std::string> expected = {
      "", "", "", "\xF0\x9F\x99\x82", "", "\xC3\xA9", "\xEF\xBF\xBD", "!", "", "\xEF\xBF\xBD"};
  EXPECT_EQ(events, expected);
  std::string together;
  for (const std::string& event : events) together += event;
  EXPECT_EQ(text, together);
}

TEST(Stream, AStopStringInsideACharacterEndsBeforeIt) {
  Request request = forced("a", "caf\xC3\xA9!?");
  request.stop = {"\xC3\xA9!"};
  expect_streams(fairytale(), request);
  EXPECT_EQ(complete(fairytale(), request).choices[0].text, "caf");
}

// With echo, a character that the prompt began is finished by the first tokens.
TEST(Stream, EchoedPromptAndTextMeetInsideACharacter) {
  const std::string prompt = "caf\xC3";
  Request request = forced(prompt, "\xA9!");
  Completion completion;
  EXPECT_EQ(stream(fairytale(), request, completion)[0].text, "\xEF\xBF\xBD!");
  EXPECT_EQ(completion.choices[0].text, "\xEF\xBF\xBD!");
  request.echo = true;
  const std::string streamed = stream(fairytale(), request, completion)[0].text;
  EXPECT_EQ(completion.choices[0].text, "caf\xC3\xA9!");
  TextStream of_prompt;
  EXPECT_EQ(of_prompt.push(prompt) + streamed, completion.choices[0].text);
}

}  // namespace
}  // namespace gptj
