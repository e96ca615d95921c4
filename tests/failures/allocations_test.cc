// SPDX-License-Identifier: Apache-2.0
// Memory runs out at every allocation of a small request in turn. What is thrown is std::bad_alloc,
// nothing leaks, and the same request gives the same bytes afterwards.
#include "failures/allocations.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "generate/models.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::content_of;
using test::golden_model;
using test::request_of;
using test::TempFolder;

// What a test has: a subject, made anew for every allocation that fails, and what is asked of it.
struct Subject {
  std::function<std::string()> ask;  // returns what it answered
  // Called after a failure, before it is asked again.
  std::function<void()> expect_unchanged = [] {};
};

// Returns how many allocations apart those are that fail.
int64_t allocation_step() {
  const char* step = std::getenv("GPTJ_ALLOCATION_STEP");
  return step == nullptr ? 1 : std::stoll(step);
}

// Fails the allocations of ask() one after the other, on subjects that `make` makes.
void fail_each(const std::function<Subject()>& make) {
  const int64_t step = allocation_step();
  std::string expected;
  {
    const Subject subject = make();
    expected = subject.ask();
    EXPECT_EQ(subject.ask(), expected);
  }
  int64_t n = 0;
  for (bool failed = true; failed; n += step) {
    const int64_t live = test::live_allocations;
    {
      const Subject subject = make();
      test::FailAt failure(n);
      try {
        const std::string answer = subject.ask();
        failure.stop();
        EXPECT_EQ(answer, expected) << "allocation " << n;
      } catch (const std::bad_alloc&) {
        failure.stop();
        EXPECT_TRUE(failure.failed());
        subject.expect_unchanged();
      } catch (const std::exception& error) {
        failure.stop();
        ADD_FAILURE() << "allocation " << n << ": " << error.what();
      }
      failed = failure.failed();
      EXPECT_EQ(subject.ask(), expected) << "after allocation " << n;
    }
    EXPECT_EQ(test::live_allocations.load(), live) << "allocation " << n << " leaks";
    if (testing::Test::HasFailure()) break;
  }
  testing::Test::RecordProperty("allocations", static_cast<int>(n - step));
  std::printf("%lld allocations failed\n", static_cast<long long>((n - step) / step));
  EXPECT_GT(n, 10);
}

std::string json_of(const Request& request, const Completion& completion) {
  return completion_json(golden_model(), request, completion);
}

std::vector<TokenId> prompt(size_t size) {
  std::vector<TokenId> ids(size);
  for (size_t i = 0; i < size; ++i) ids[i] = static_cast<TokenId>(1 + i * 7 % 130);
  return ids;
}

// One of each kind that takes its own ways through the code.
std::vector<Request> small_requests() {
  Request greedy = request_of(prompt(66), 2);
  Request samples = request_of(prompt(5), 2, 1);
  samples.n = 2;
  samples.best_of = 3;
  samples.logprobs = 2;
  samples.echo = true;
  samples.top_p = 0.9;
  Request beams = request_of(prompt(5), 3);
  beams.num_beams = 2;
  Request sliding = request_of(prompt(127), 3);
  sliding.overflow = Overflow::kSlide;
  return {greedy, samples, beams, sliding};
}

TEST(BadAlloc, InComplete) {
  golden_model();
  for (const Request& request : small_requests()) {
    fail_each([&] {
      return Subject{[&] { return json_of(request, complete(golden_model(), request)); }};
    });
  }
}

// Another request went before, whose text is kept.
TEST(BadAlloc, InContext) {
  const Request first = request_of(prompt(4), 3);
  for (const Request& request : small_requests()) {
    fail_each([&] {
      const auto conversation = std::make_shared<Conversation>(golden_model());
      conversation->complete(first);
      const std::vector<TokenId> kept(conversation->ids().begin(), conversation->ids().end());
      const auto completed = std::make_shared<bool>(false);
      return Subject{
          [&request, conversation, completed] {
            const Completion completion = conversation->complete(request);
            *completed = true;
            return json_of(request, completion);
          },
          [kept, conversation, completed] {
            if (*completed) return;  // it was the JSON that failed
            EXPECT_EQ(std::vector(conversation->ids().begin(), conversation->ids().end()), kept);
          }};
    });
  }
}

TEST(BadAlloc, InAContextsFile) {
  const TempFolder folder;
  const Request request = request_of(prompt(60), 8);
  Conversation conversation(golden_model());
  conversation.complete(request);
  conversation.save(folder.path("session"));
  fail_each([&] {
    return Subject{[&] {
      conversation.save(folder.path("again"));
      const Conversation loaded = Conversation::load(golden_model(), folder.path("again"));
      EXPECT_FALSE(std::filesystem::exists(folder.path("again.partial")));
      return std::to_string(loaded.ids().size()) + content_of(folder.path("session"));
    }};
  });
  EXPECT_EQ(content_of(folder.path("again")), content_of(folder.path("session")));
}

std::string bytes_of(const std::vector<std::vector<float>>& rows) {
  std::string bytes;
  for (const auto& row : rows) {
    bytes.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
  }
  return bytes;
}

// A sequence that is forked, gone on with twice and shortened again: in the end it is as before.
TEST(BadAlloc, InSession) {
  fail_each([&] {
    struct Kept {
      Session session{golden_model()};
      SequenceId sequence = session.add_sequence();
    };
    const auto kept = std::make_shared<Kept>();
    test::forward(kept->session, test::rows_of(prompt(40), kept->sequence, 0));
    const auto ask = [kept] {
      Session& session = kept->session;
      std::string all;
      const SequenceId fork = session.fork(kept->sequence, 40);
      try {
        all += bytes_of(test::forward(session, test::rows_of(prompt(50), fork, 40)));
        all += bytes_of(test::forward(session, test::rows_of(prompt(30), kept->sequence, 40)));
      } catch (...) {
        const int64_t length = session.length(fork);
        EXPECT_TRUE(length == 40 || length == 90) << length;  // all of a call or nothing
        session.remove(fork);
        session.truncate(kept->sequence, 40);
        throw;
      }
      session.remove(fork);
      session.truncate(kept->sequence, 40);
      return all;
    };
    return Subject{ask, [kept] { EXPECT_EQ(kept->session.length(kept->sequence), 40); }};
  });
}

// Either of two threads may meet the failure. The generator ends before leaks are counted.
TEST(BadAlloc, InGenerator) {
  for (const Request& request : small_requests()) {
    fail_each([&] {
      const auto generator = std::make_shared<Generator>(golden_model());
      return Subject{
          [&request, generator] { return json_of(request, generator->submit(request).get()); }};
    });
  }
}

TEST(BadAlloc, WhereAGeneratorBeginsAndEnds) {
  const Request request = request_of(prompt(70), 30);
  fail_each([&] {
    return Subject{[&] {
      std::future<Completion> ends;
      {
        Generator generator(golden_model());
        ends = generator.submit(request);
      }
      ends.get();  // a completion, though a cancelled one
      return std::string("ended");
    }};
  });
}

TEST(BadAlloc, InABatch) {
  const TempFolder folder;
  const std::string input = folder.write("in",
                                         R"({"id": 1, "prompt": [5, 6, 7], "max_tokens": 3}
{"id": 2, "prompt": [5, 6, 7], "max_tokens": -3}
{"id": 3, "prompt": [9, 9], "max_tokens": 2, "logprobs": 1}
)");
  fail_each([&] {
    for (const char* name : {"out", "out.journal"}) std::filesystem::remove(folder.path(name));
    return Subject{[&] {
      run_job(golden_model(), {.input = input, .output = folder.path("out"), .resume = true});
      return content_of(folder.path("out"));
    }};
  });
}

}  // namespace
}  // namespace gptj
