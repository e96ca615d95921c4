// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace gptj::test {

// n floats uniform in [-scale, scale), the same everywhere for a given seed.
inline std::vector<float> random_floats(size_t n, uint64_t seed, float scale = 1.0f) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) {
    values[i] = static_cast<float>(2.0 * random_uniform(seed, 0, i) - 1.0) * scale;
  }
  return values;
}

}  // namespace gptj::test
