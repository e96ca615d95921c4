// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace gptj {
namespace {

std::chrono::duration<double> cpu_time(clockid_t of) {
  timespec time{};
  EXPECT_EQ(::clock_gettime(of, &time), 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Spinning all along would take all of kLong; a machine that others use takes a share of it.
constexpr auto kLong = std::chrono::milliseconds(300), kLittle = kLong / 3;

std::atomic<pthread_t> handled_by{};
extern "C" void note_thread(int) { handled_by = ::pthread_self(); }

// A signal of the process goes to a thread that does not block it: to none of the pool's.
TEST(ThreadPool, LeavesSignalsToTheHostsThreads) {
  ThreadPool pool(available_cpus());
  pool.parallel([](size_t) {});
  const auto before = std::signal(SIGUSR1, note_thread);
  sigset_t usr1, mask;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, &mask);
  ::kill(::getpid(), SIGUSR1);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(handled_by.load(), pthread_t{});
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  EXPECT_EQ(handled_by.load(), ::pthread_self());
  std::signal(SIGUSR1, before);
}

TEST(ThreadPool, LeavesTheCallersSignalsAsTheyWere) {
  sigset_t before, after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const ThreadPool pool(2);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < SIGRTMAX; ++signal) {
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << signal;
  }
}

TEST(ThreadPool, RunsEveryPartOnce) {
  for (const size_t threads : {1, 2, 3, 4, 7, 16}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    ASSERT_GE(pool.slices(), threads);
    std::vector<int> calls(pool.slices());
    for (int i = 0; i < 1000; ++i) {
      pool.parallel([&](size_t slice) { ++calls[slice]; });
    }
    EXPECT_EQ(calls, std::vector<int>(pool.slices(), 1000));
  }
}

// More threads than CPUs must not leave one worker with more than another.
TEST(ThreadPool, GivesEachWorkerAsManyPartsAtOnce) {
  for (const size_t threads : {1, 2, 3, 64, 257}) {
    ThreadPool pool(threads);
    std::vector<int> covered(pool.slices());
    std::mutex mutex;
    std::vector<size_t> sizes;
    pool.parallel_ranges([&](SliceRange range) {
      for (size_t slice = range.begin; slice < range.end; ++slice) ++covered[slice];
      const std::lock_guard lock(mutex);
      sizes.push_back(range.end - range.begin);
    });
    EXPECT_EQ(covered, std::vector<int>(pool.slices(), 1));
    const size_t workers = std::min(threads, available_cpus());
    EXPECT_EQ(sizes, std::vector<size_t>(workers, pool.slices() / workers));
    EXPECT_LT(pool.slices(), threads + workers);
  }
}

TEST(ThreadPool, WakesAfterSleeping) {
  ThreadPool pool(2);
  for (int i = 0; i < 20; ++i) {
    std::atomic<int> calls{0};
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    pool.parallel([&](size_t) { ++calls; });
    EXPECT_EQ(calls, 2);
  }
}

TEST(ThreadPool, HelpersSleepWhileThereIsNothingToDo) {
  ThreadPool pool(available_cpus());
  pool.parallel([](size_t) {});
  const auto before = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
  std::this_thread::sleep_for(kLong);
  EXPECT_LT(cpu_time(CLOCK_PROCESS_CPUTIME_ID) - before, kLittle);
}

TEST(ThreadPool, TheCallerSleepsWhileAHelperIsLate) {
  if (available_cpus() < 2) GTEST_SKIP() << "one CPU has no helpers";
  ThreadPool pool(2);
  const auto before = cpu_time(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < 3; ++i) {
    pool.parallel([](size_t slice) {
      if (slice == 1) std::this_thread::sleep_for(kLong / 3);
    });
  }
  EXPECT_LT(cpu_time(CLOCK_THREAD_CPUTIME_ID) - before, kLittle);
}

TEST(ThreadPool, UsesTheCpusOfItsAffinityMask) {
  cpu_set_t all, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_cpus(), 1u);
  ASSERT_EQ(::sched_setaffinity(0, sizeof all, &all), 0);
}

TEST(ThreadPool, RoundsAQuotaUpAndUsesOneCpuAtLeast) {
  EXPECT_EQ(cpus_within(8, std::numeric_limits<double>::infinity()), 8u);
  EXPECT_EQ(cpus_within(8, 8.5), 8u);
  EXPECT_EQ(cpus_within(8, 2.5), 3u);
  EXPECT_EQ(cpus_within(8, 2), 2u);
  EXPECT_EQ(cpus_within(8, 0.1), 1u);
}

#ifndef GPTJ_SANITIZED  // sanitizers take memory themselves
TEST(ThreadPoolDeathTest, DoesTheWorkWhereTheSystemMakesNoThreads) {
  if (available_cpus() < 2) GTEST_SKIP() << "one CPU has no helpers";
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a new process keeps no stacks of old threads
  const auto work = [] {
    const rlimit none{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_AS, &none);  // no new stack
    try {
      std::thread([] {}).join();
      std::_Exit(0);  // an emulator, which heeds no such limit
    } catch (const std::system_error&) {
    }
    ThreadPool pool(2);
    size_t calls = 0, slices = 0;  // by the caller alone
    pool.parallel_ranges([&](SliceRange range) {
      ++calls;
      slices += range.end - range.begin;
    });
    std::_Exit(calls == 1 && slices == 2 ? 0 : 1);
  };
  EXPECT_EXIT(work(), testing::ExitedWithCode(0), "");
}
#endif

TEST(ThreadPool, QueuesCallsFromSeveralThreads) {
  ThreadPool pool(3);
  std::vector<int> calls(pool.slices());
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) pool.parallel([&](size_t slice) { ++calls[slice]; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(calls, std::vector<int>(pool.slices(), 2000));
}

TEST(ThreadPool, ComputesInTheDefaultFloatEnvironmentAndRestoresTheCallers) {
  ThreadPool pool(2);
  std::fesetround(FE_UPWARD);
  std::vector<int> modes(2, -1);
  pool.parallel([&](size_t slice) { modes[slice] = std::fegetround(); });
  EXPECT_EQ(modes, std::vector<int>(2, FE_TONEAREST));
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  std::fesetround(FE_TONEAREST);
}

TEST(SliceRange, CoversAllOnceAndEvenly) {
  for (const size_t n : {0, 1, 5, 16, 17}) {
    for (const size_t slices : {1, 2, 3, 8}) {
      size_t next = 0;
      for (size_t slice = 0; slice < slices; ++slice) {
        const SliceRange range = slice_range(n, slice, slices);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.end - range.begin, n / slices + 1);
        next = range.end;
      }
      EXPECT_EQ(next, n);
    }
  }
}

}  // namespace
}  // namespace gptj
