// SPDX-License-Identifier: Apache-2.0
#include "engine/rotary.h"

#include <cmath>

namespace gptj {

// Computes each power, cosine and sine in double, and rounds each result to float. The rounding
// steps are fixed, because this is the one place where libm reaches a logit.
RotaryTable::RotaryTable(const ModelConfig& config)
    : pairs_(static_cast<size_t>(config.rotary_dim / 2)),
      table_(static_cast<size_t>(config.n_positions) * pairs_ * 2) {
  for (size_t i = 0; i < pairs_; ++i) {
    const auto exponent =
        static_cast<float>(2.0 * static_cast<double>(i) / static_cast<double>(config.rotary_dim));
    const auto power = static_cast<float>(std::pow(10000.0, static_cast<double>(exponent)));
    const float inverse = 1.0f / power;
    for (int64_t position = 0; position < config.n_positions; ++position) {
      const float angle = static_cast<float>(position) * inverse;
      float* entry = table_.data() + (static_cast<size_t>(position) * pairs_ + i) * 2;
      entry[0] = static_cast<float>(std::cos(static_cast<double>(angle)));
      entry[1] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
}

void RotaryTable::rotate(float* head, int64_t position) const {
  const float* entry = table_.data() + static_cast<size_t>(position) * pairs_ * 2;
  for (size_t i = 0; i < pairs_; ++i) {
    const float even = head[2 * i], odd = head[2 * i + 1];
    const float cosine = entry[2 * i], sine = entry[2 * i + 1];
    head[2 * i] = even * cosine - odd * sine;
    head[2 * i + 1] = odd * cosine + even * sine;
  }
}

}  // namespace gptj
