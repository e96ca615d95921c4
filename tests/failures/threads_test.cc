// SPDX-License-Identifier: Apache-2.0
// Where the system makes no more threads.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

#include "generate/models.h"
#include "support/expect_error.h"

#ifndef GPTJ_SANITIZED  // sanitizers have a pthread_create of their own

namespace {

std::atomic<bool> no_threads{false};

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  if (no_threads) return EAGAIN;
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, start, argument);
}

namespace gptj {
namespace {

TEST(NoThreads, AGeneratorSaysSoAndTheModelGoesOn) {
  const Request request = test::request_of(std::vector<TokenId>{1, 2}, 3);
  const auto expected = complete(test::golden_model(), request).choices[0].token_ids;
  no_threads = true;
  test::expect_error(
      ErrorCode::kIo, [] { Generator generator(test::golden_model()); },
      "generator: cannot start a thread: Resource temporarily unavailable");
  const Model alone = Model::load(test::golden_path("rotary-partial-f32"), {.threads = 2});
  no_threads = false;
  EXPECT_EQ(complete(alone, request).choices[0].token_ids, expected);
  Generator generator(test::golden_model());
  EXPECT_EQ(generator.submit(request).get().choices[0].token_ids, expected);
}

}  // namespace
}  // namespace gptj

#endif
