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
  std::vector<LogprobEntry> logprobs;
  std::optional<FinishReason> finish_reason;
};

// Appends the event to its sample, and checks the event by itself.
void add(const TokenEvent& event, size_t echoed, std::vector<Streamed>& samples) {
  Streamed& sample = samples.at(static_cast<size_t>(event.index));
  EXPECT_FALSE(sample.finish_reason) << "an event after the last";
  EXPECT_EQ(to_valid_utf8(event.text), event.text);
  EXPECT_EQ(event.echoed, sample.ids.size() < echoed);
  if (event.id != TokenEvent::kNoToken) sample.ids.push_back(event.id);
  sample.bytes += event.bytes;
  sample.text += event.text;
  if (event.logprobs != nullptr) {
    EXPECT_EQ(event.logprob, event.logprobs->logprob.value_or(0));
    sample.logprobs.push_back(*event.logprobs);
  }
  sample.finish_reason = event.finish_reason;
}

// Runs the request on the model, with the events of each sample in `samples`.
std::vector<Streamed> stream(const Model& model, Request request, Completion& completion,
                             const CancelToken& cancel = {}, size_t cancel_at = SIZE_MAX) {
  const int64_t n = request.n.value_or(1);
  std::vector<Streamed> samples(static_cast<size_t>(request.best_of.value_or(n)));
  request.seed = 5;
  size_t echoed = 0, events = 0;
  if (request.echo) {
    Request bare = request;
    bare.max_tokens = 0;
    bare.logprobs.reset();
    echoed = complete(model, bare).choices[0].token_ids.size();
  }
  request.on_token = [&](const TokenEvent& event) {
    add(event, echoed, samples);
    return ++events == cancel_at ? Progress::kCancel : Progress::kContinue;
  };
  completion = complete(model, request, cancel);
  return samples;
}

void expect_equal(const std::vector<LogprobEntry>& a, const std::vector<LogprobEntry>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].logprob, b[i].logprob) << i;
    EXPECT_EQ(a[i].text_offset, b[i].text_offset) << i;
    ASSERT_EQ(a[i].top.size(), b[i].top.size()) << i;
    for (size_t t = 0; t < a[i].top.size(); ++t) {
      EXPECT_EQ(a[i].top[t].id, b[i].top[t].id);
      EXPECT_EQ(a[i].top[t].logprob, b[i].top[t].logprob);
    }
  }
}

// The events of a request, put together, are its choices, wherever it is cancelled.
void expect_streams(const Model& model, const Request& request, const CancelToken& cancel = {},
                    size_t cancel_at = SIZE_MAX) {
  Completion completion;
  const auto samples = stream(model, request, completion, cancel, cancel_at);
  ASSERT_EQ(samples.size(), completion.choices.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    const Choice& choice = completion.choices[i];
    EXPECT_EQ(samples[i].ids, choice.token_ids);
    EXPECT_EQ(samples[i].text, choice.text.value_or(""));
    EXPECT_EQ(samples[i].finish_reason, choice.finish_reason);
    expect_equal(samples[i].logprobs, choice.logprobs);
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
  request.echo = true;
  request.logprobs = 2;
  expect_streams(fairytale(), request);
}

// Requests with echo and logprobs, each of another kind.
std::vector<Request> kinds() {
  Request samples = request_of("Once upon a \xE2\x82", 6, 1);
  samples.n = 2;
  samples.echo = true;
  samples.logprobs = 1;
  Request plain = samples, beams = samples, nothing = samples, empty = samples;
  plain.echo = false;
  beams.temperature.reset();
  beams.num_beams = 3;
  nothing.max_tokens = 0;
  empty.prompt = "";
  std::vector<Request> all = {samples, plain, beams, nothing, empty};
  Request beams_of_nothing = beams;
  beams_of_nothing.max_tokens = 0;
  all.push_back(beams_of_nothing);
  return all;
}

TEST(Stream, EchoLogprobsAndBeamsAreEventsToo) {
  for (const Request& request : kinds()) expect_streams(fairytale(), request);
  Request ids = request_of(Ids{1, 2, 3}, 4);
  ids.echo = true;
  expect_streams(golden_model(), ids);
}

// A sample's last event comes although its request is cancelled, by its callback or before it
// began.
TEST(Stream, CancelledSamplesHaveALastEvent) {
  const CancelToken cancelled;
  cancelled.cancel();
  for (const Request& request : kinds()) {
    expect_streams(fairytale(), request, cancelled);
    for (const size_t at : {1, 2, 7, 12, 13, 14}) expect_streams(fairytale(), request, {}, at);
  }
}

// What a stop string might have begun with is held back, and comes with the last event.
TEST(Stream, HeldTextComesWithTheEndOfACancelledSample) {
  const std::string text =
      *complete(fairytale(), request_of("Once upon a time", 6)).choices[0].text;
  Request request = request_of("Once upon a time", 20);
  request.stop = {text + "never"};
  Completion completion;
  const auto samples = stream(fairytale(), request, completion, {}, 6);
  EXPECT_EQ(samples[0].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(samples[0].text, text);
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
  EXPECT_EQ(stream(fairytale(), request, completion)[0].text, "caf\xC3\xA9!");
  EXPECT_EQ(completion.choices[0].text, "caf\xC3\xA9!");
}

}  // namespace
}  // namespace gptj
