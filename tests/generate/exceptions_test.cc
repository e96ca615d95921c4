// SPDX-License-Identifier: Apache-2.0
// What a callback throws comes out as it was thrown, and the object goes on as if it had not been.
#include <gtest/gtest.h>

#include <cmath>
#include <system_error>

#include "generate/models.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::content_of;
using test::expect_error;
using test::golden_model;
using test::request_of;
using test::TempFolder;

// Derived of nothing that the library may know.
struct Own {
  int number;
};

template <class Call>
void expect_own(Call call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Own& own) {
    EXPECT_EQ(own.number, 7);
  }
}

Request plain() {
  Request request = request_of(std::vector<TokenId>{1, 2, 3, 4, 1, 2, 3}, 6);
  request.ignore_eos = true;
  return request;
}

// The same request, each with another callback that throws at its third call.
std::vector<Request> throwing() {
  std::vector<Request> requests(4, plain());
  const auto third = [] { return [n = 0]() mutable { return ++n == 3; }; };
  requests[0].on_token = [is_third = third()](const TokenEvent&) mutable -> Progress {
    if (is_third()) throw Own{7};
    return Progress::kContinue;
  };
  requests[1].on_logits = [is_third = third()](int64_t, auto, auto) mutable {
    if (is_third()) throw Own{7};
  };
  requests[2].on_guess = [is_third = third()](auto, size_t) mutable -> std::vector<TokenId> {
    if (is_third()) throw Own{7};
    return {};
  };
  requests[3].num_beams = 2;
  requests[3].on_logits = requests[1].on_logits;
  return requests;
}

std::string answer_of(const Completion& completion) {
  return completion_json(golden_model(), plain(), completion);
}

TEST(Callbacks, ThrowThroughComplete) {
  for (const Request& request : throwing()) {
    expect_own([&] { complete(golden_model(), request); });
  }
}

TEST(Callbacks, ThrowThroughContextWhichGoesOn) {
  Conversation conversation(golden_model());
  const std::string expected = answer_of(complete(golden_model(), plain()));
  for (const Request& request : throwing()) {
    expect_own([&] { conversation.complete(request); });
    EXPECT_EQ(answer_of(conversation.complete(plain())), expected);
  }
}

TEST(Callbacks, ThrowThroughAFutureWhileOthersGoOn) {
  Generator generator(golden_model());
  const std::string expected = answer_of(complete(golden_model(), plain()));
  for (const Request& request : throwing()) {
    std::future<Completion> before = generator.submit(plain());
    std::future<Completion> failing = generator.submit(request);
    std::future<Completion> after = generator.submit(plain());
    expect_own([&] { failing.get(); });
    EXPECT_EQ(answer_of(before.get()), expected);
    EXPECT_EQ(answer_of(after.get()), expected);
  }
}

TEST(Callbacks, OfTheStandardLibraryAreNotTranslated) {
  Request request = plain();
  request.on_token = [](const TokenEvent&) -> Progress {
    throw std::system_error(std::make_error_code(std::errc::io_error), "mine");
  };
  try {
    complete(golden_model(), request);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::make_error_code(std::errc::io_error));
  }
}

// All or nothing: also where the sink throws after a first chunk of rows was computed.
TEST(Callbacks, ThrowThroughSessionWhichStaysAsItWas) {
  Session session(golden_model());
  const SequenceId sequence = session.add_sequence();
  const std::vector<TokenId> ids(100, 5);
  const auto first = test::forward(session, test::rows_of(std::vector<TokenId>{1, 2}, sequence, 0));
  const std::vector<Row> rows = test::rows_of(ids, sequence, 2);
  expect_own([&] {
    session.forward(rows, [](size_t row, std::span<const float>) {
      if (row == 70) throw Own{7};
    });
  });
  EXPECT_EQ(session.length(sequence), 2);
  Session other(golden_model());
  const SequenceId same = other.add_sequence();
  EXPECT_EQ(test::forward(other, test::rows_of(std::vector<TokenId>{1, 2}, same, 0)), first);
  EXPECT_EQ(test::forward(session, rows), test::forward(other, test::rows_of(ids, same, 2)));
}

TEST(Callbacks, ASessionsSinkMustBeThereWhereLogitsAreWanted) {
  Session session(golden_model());
  std::vector<Row> rows = {{.token = 1, .sequence = session.add_sequence(), .wants_logits = true}};
  expect_error(
      ErrorCode::kInvalidArgument, [&] { session.forward(rows, {}); }, "sink: expected");
  rows[0].wants_logits = false;
  session.forward(rows, {});
  EXPECT_EQ(session.length(rows[0].sequence), 1);
}

TEST(Callbacks, ThrowThroughAllThatReportsProgress) {
  const TempFolder folder;
  const std::string model = test::golden_path("rotary-partial-f32");
  const auto throws = [](auto...) -> Progress { throw Own{7}; };
  expect_own([&] { Model::load(model, {.on_progress = throws}); });
  expect_own([&] { Model::load(model, {.weights = WeightType::kInt8, .on_progress = throws}); });
  ConvertOptions options{.weights = WeightType::kInt8};
  options.on_progress = throws;
  expect_own([&] { convert(model, folder.path("target.safetensors"), options); });
  EXPECT_FALSE(std::filesystem::exists(folder.path("target.safetensors.partial")));
  const std::vector<TokenId> ids(300, 3);
  expect_own([&] { perplexity(golden_model(), ids, {.on_progress = throws}); });
  expect_own([&] { fidelity(golden_model(), golden_model(), ids, {.on_progress = throws}); });
  BenchOptions bench_options;
  bench_options.model = model;
  bench_options.on_step = throws;
  expect_own([&] { bench(bench_options); });
}

TEST(Callbacks, ThrowThroughABatchThatCanBeResumed) {
  const TempFolder folder;
  std::string input;
  for (int i = 0; i < 4; ++i) input += "{\"prompt\": [1, 2, 3], \"max_tokens\": 4}\n";
  JobOptions job{.input = folder.write("in", input), .output = folder.path("whole")};
  run_job(golden_model(), job);
  job.output = folder.path("out");
  job.on_progress = [n = 0](const JobProgress&) mutable {
    if (++n == 3) throw Own{7};
  };
  expect_own([&] { run_job(golden_model(), job); });
  job.on_progress = {};
  job.resume = true;
  run_job(golden_model(), job);
  EXPECT_EQ(content_of(job.output), content_of(folder.path("whole")));
}

TEST(OnLogits, NeitherNanNorInfinityIsTaken) {
  for (const float wrong : {std::nanf(""), -std::nanf(""), INFINITY}) {
    for (const double temperature : {0.0, 1.0}) {
      for (const int64_t beams : {1, 3}) {
        if (beams > 1 && temperature > 0) continue;
        Request request = plain();
        request.temperature = temperature;
        if (temperature > 0) request.top_k = 5;
        request.num_beams = beams;
        request.on_logits = [=](int64_t, auto, std::span<float> logits) { logits[9] = wrong; };
        Conversation conversation(golden_model());
        try {
          conversation.complete(request);
          ADD_FAILURE() << wrong << " was taken";
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
          EXPECT_EQ(error.param(), "on_logits");
          EXPECT_NE(std::string(error.what()).find("for token 9"), std::string::npos);
        }
        request.on_logits = [](int64_t, auto, std::span<float> logits) { logits[9] = -INFINITY; };
        EXPECT_EQ(conversation.complete(request).choices[0].token_ids.size(), 6u);
      }
    }
  }
}

// The least and the greatest numbers that are let in, together: still a distribution.
TEST(Options, AtTheirBordersGiveAText) {
  Request greedy = plain();
  const auto expected = complete(golden_model(), greedy).choices[0].token_ids;
  for (const double temperature : {5e-324, 1e-300, 1e-40}) {
    Request request = plain();
    request.temperature = temperature;
    EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids, expected) << temperature;
  }
  for (const double temperature : {1e-300, 1.0, 1e300}) {
    for (const double tiny : {0.0, 5e-324, 1e-300, 1.0}) {
      for (const double penalty : {0.001, 1000.0}) {
        Request request = plain();
        request.temperature = temperature;
        request.top_p = tiny;
        request.typical_p = tiny;
        request.min_p = tiny;
        request.repetition_penalty = penalty;
        request.frequency_penalty = penalty > 1 ? 2 : -2;
        request.logit_bias = {{1, penalty > 1 ? 100 : -100}, {2, 5e-324}};
        EXPECT_EQ(complete(golden_model(), request).choices[0].token_ids.size(), 6u);
      }
    }
  }
  for (const double length_penalty : {-50.0, 50.0}) {
    Request request = plain();
    request.num_beams = 3;
    request.length_penalty = length_penalty;
    EXPECT_EQ(std::isnan(*complete(golden_model(), request).choices[0].score), false);
    request.length_penalty = 1.5 * length_penalty;
    expect_error(
        ErrorCode::kInvalidArgument, [&] { complete(golden_model(), request); },
        "length_penalty: expected -50 to 50");
  }
}

TEST(SetRequestField, OfAWrongTypeLeavesTheRequestAsItWas) {
  Request request = plain();
  request.top_k = {};
  request.stop = {"kept"};
  struct Wrong {
    const char *field, *value;
  };
  const Wrong all[] = {{"top_k", "\"many\""},
                       {"max_tokens", "[]"},
                       {"stop", "[\"a\", 7]"},
                       {"logit_bias", "{\"1\": \"x\"}"}};
  for (const Wrong& wrong : all) {
    EXPECT_FALSE(test::finishes([&] { set_request_field(request, wrong.field, wrong.value); }));
  }
  EXPECT_EQ(request.top_k, std::nullopt);
  EXPECT_EQ(request.max_tokens, 6);
  EXPECT_EQ(request.stop, std::vector<std::string>{"kept"});
  EXPECT_TRUE(request.logit_bias.empty());
}

}  // namespace
}  // namespace gptj
