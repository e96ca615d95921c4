// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "gptj/error.h"

namespace gptj::test {

// Expects `call` to throw an Error of this code whose message holds each of `words`.
template <class Call, class... Words>
void expect_error(ErrorCode code, Call call, const Words&... words) {
  try {
    call();
    ADD_FAILURE() << "expected an error of code " << error_code_name(code);
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_STREQ(error_code_name(error.code()), error_code_name(code)) << message;
    (..., [&](const std::string& word) {
      EXPECT_NE(message.find(word), std::string::npos)
          << "expected '" << word << "' in: " << message;
    }(words));
  }
}

// Whether `call` finishes; an Error is the only other way out that is allowed.
template <class Call>
bool finishes(Call call) {
  try {
    call();
    return true;
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "");
    return false;
  }
}

}  // namespace gptj::test
