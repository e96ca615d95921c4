// SPDX-License-Identifier: Apache-2.0
// What a Generator tells of itself and of its requests.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "generate/models.h"

namespace gptj {
namespace {

using test::fairytale;
using test::request_of;

// A request whose first token waits until it is let go.
class Gate {
 public:
  Request request() {
    Request request = request_of("Once upon a time", 5);
    request.ignore_eos = true;
    request.on_token = [this](const TokenEvent&) {
      std::unique_lock lock(mutex_);
      reached_ = true;
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
      return Progress::kContinue;
    };
    return request;
  }
  void wait_until_reached() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reached_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false, open_ = false;
};

TEST(Stats, CountRequestsByTheirEnd) {
  const uint64_t page = fairytale().kv_cache_bytes(1);
  Generator generator(fairytale(), {.kv_memory = 100 * page, .keep_prefixes = false});
  const Completion length = generator.submit(request_of("Once upon a time", 5)).get();
  Request stopped = request_of("Once upon a time", 50);
  stopped.stop = {"e"};
  const Completion stop = generator.submit(stopped).get();
  const CancelToken cancel;
  cancel.cancel();
  const Completion cancelled = generator.submit(request_of("The king", 5), cancel).get();
  Request thrower = request_of("The king", 5);
  thrower.on_token = [](const TokenEvent&) -> Progress { throw std::runtime_error("own"); };
  EXPECT_THROW(generator.submit(thrower).get(), std::runtime_error);
  Request wide = request_of("The king", 500, 1);
  wide.best_of = 128;
  EXPECT_THROW(generator.submit(wide), Error);
  const GeneratorStats stats = generator.stats();
  EXPECT_EQ(stats.finished_length, 1);
  EXPECT_EQ(stats.finished_stop, 1);
  EXPECT_EQ(stats.finished_cancelled, 1);
  EXPECT_EQ(stats.failed, 1);  // one that is refused at once is none of them
  EXPECT_EQ(stats.running + stats.waiting, 0);
  EXPECT_EQ(stats.pages, 100);
  EXPECT_EQ(stats.pages_in_use, 0);
  EXPECT_EQ(stats.page_bytes, page);
  EXPECT_EQ(stats.prompt_tokens,
            length.usage.prompt_tokens + stop.usage.prompt_tokens + cancelled.usage.prompt_tokens);
  EXPECT_EQ(stats.completion_tokens, 5 + stop.usage.completion_tokens);
  EXPECT_GT(stats.rows, stats.passes);
  EXPECT_GT(stats.passes, 5);
}

TEST(Stats, TellWhatRunsAndWhatWaitsWhileAStepIsUnderWay) {
  Gate gate;
  // Room for one request.
  Generator generator(fairytale(), {.kv_memory = fairytale().kv_cache_bytes(1)});
  std::future<Completion> first = generator.submit(gate.request());
  gate.wait_until_reached();
  std::future<Completion> second = generator.submit(request_of("The king", 5));
  EXPECT_EQ(generator.stats().running + generator.stats().waiting, 2);
  gate.open();
  first.get();
  second.get();
  EXPECT_EQ(generator.stats().running + generator.stats().waiting, 0);
}

TEST(Stats, ACallbackTakesTheAnswerOrTheError) {
  Generator generator(fairytale());
  const Request good = request_of("Once upon a time", 5);
  Request bad = good;
  bad.on_token = [](const TokenEvent&) -> Progress { throw std::runtime_error("own"); };
  std::promise<Completion> answer;
  std::promise<std::exception_ptr> error;
  generator.submit(good, {}, [&](Completion completion, std::exception_ptr e) {
    EXPECT_FALSE(e);
    answer.set_value(std::move(completion));
  });
  generator.submit(bad, {}, [&](Completion, std::exception_ptr e) { error.set_value(e); });
  EXPECT_EQ(completion_json(fairytale(), good, answer.get_future().get()),
            completion_json(fairytale(), good, complete(fairytale(), good)));
  EXPECT_THROW(std::rethrow_exception(error.get_future().get()), std::runtime_error);
}

TEST(Stats, TimesOfARequestAreInOrder) {
  Gate gate;
  Generator generator(fairytale(), {.kv_memory = fairytale().kv_cache_bytes(1)});
  std::future<Completion> first = generator.submit(gate.request());
  gate.wait_until_reached();
  std::future<Completion> second = generator.submit(request_of("The king", 5));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  gate.open();
  const Completion a = first.get(), b = second.get();
  // The second waited while the first was held up.
  EXPECT_GE(b.queue_seconds, 0.25);
  EXPECT_LT(b.prompt_seconds, b.total_seconds - b.queue_seconds + 1e-9);
  for (const Completion& c : {a, b}) {
    EXPECT_LE(c.queue_seconds, c.first_token_seconds);
    EXPECT_LE(c.first_token_seconds, c.total_seconds);
    EXPECT_NEAR(c.queue_seconds + c.prompt_seconds + c.decode_seconds, c.total_seconds, 0.05);
  }
}

}  // namespace
}  // namespace gptj
