// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <vector>

namespace gptj {
namespace {

TEST(ThreadPool, RunsEveryPartOnce) {
  for (const size_t parts : {1, 2, 3, 4, 7, 16}) {
    ThreadPool pool(parts);
    EXPECT_EQ(pool.parts(), parts);
    std::vector<int> calls(parts);
    for (int i = 0; i < 1000; ++i) {
      pool.run([&](size_t part) { ++calls[part]; });
    }
    EXPECT_EQ(calls, std::vector<int>(parts, 1000));
  }
}

TEST(ThreadPool, GivesEachWorkerItsPartsAtOnce) {
  for (const size_t parts : {1, 2, 3, 64, 257}) {
    ThreadPool pool(parts);
    std::vector<int> covered(parts);
    std::atomic<size_t> calls{0};
    pool.run_ranges([&](PartRange range) {
      ++calls;
      for (size_t part = range.begin; part < range.end; ++part) ++covered[part];
    });
    EXPECT_EQ(covered, std::vector<int>(parts, 1));
    EXPECT_EQ(calls, std::min(parts, available_cpus()));
  }
}

TEST(ThreadPool, WakesAfterSleeping) {
  ThreadPool pool(2);
  for (int i = 0; i < 20; ++i) {
    std::atomic<int> calls{0};
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    pool.run([&](size_t) { ++calls; });
    EXPECT_EQ(calls, 2);
  }
}

TEST(ThreadPool, QueuesCallsFromSeveralThreads) {
  ThreadPool pool(3);
  std::vector<int> calls(3);
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) pool.run([&](size_t part) { ++calls[part]; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(calls, std::vector<int>(3, 2000));
}

TEST(ThreadPool, ComputesInTheDefaultFloatEnvironmentAndRestoresTheCallers) {
  ThreadPool pool(2);
  std::fesetround(FE_UPWARD);
  std::vector<int> modes(2, -1);
  pool.run([&](size_t part) { modes[part] = std::fegetround(); });
  EXPECT_EQ(modes, std::vector<int>(2, FE_TONEAREST));
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  std::fesetround(FE_TONEAREST);
}

TEST(PartRange, CoversAllOnceAndEvenly) {
  for (const size_t n : {0, 1, 5, 16, 17}) {
    for (const size_t parts : {1, 2, 3, 8}) {
      size_t next = 0;
      for (size_t part = 0; part < parts; ++part) {
        const PartRange range = part_range(n, part, parts);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.end - range.begin, n / parts + 1);
        next = range.end;
      }
      EXPECT_EQ(next, n);
    }
  }
}

}  // namespace
}  // namespace gptj
