// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace gptj {

// The clock for measuring durations.
using Clock = std::chrono::steady_clock;

// Returns the seconds that have passed since `start`.
inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace gptj
