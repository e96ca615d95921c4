// SPDX-License-Identifier: Apache-2.0
// Sums and products of sizes that come from files. Both functions throw kBadFile instead of
// wrapping around; `what` begins the message.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/check.h"

namespace gptj {

inline uint64_t checked_add(uint64_t a, uint64_t b, std::string_view what) {
  uint64_t sum = 0;
  check(!__builtin_add_overflow(a, b, &sum), ErrorCode::kBadFile, what, ": ", a, " + ", b,
        " exceeds 64 bits");
  return sum;
}

inline uint64_t checked_multiply(uint64_t a, uint64_t b, std::string_view what) {
  uint64_t product = 0;
  check(!__builtin_mul_overflow(a, b, &product), ErrorCode::kBadFile, what, ": ", a, " x ", b,
        " exceeds 64 bits");
  return product;
}

}  // namespace gptj
