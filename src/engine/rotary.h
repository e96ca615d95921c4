// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/aligned_buffer.h"
#include "gptj/checkpoint.h"

namespace gptj {

// Cosine and sine of every position's angles, and the rotation of one head by these angles. Su et
// al., "RoFormer", 2021, in GPT-J's interleaved form: dimensions 2i and 2i + 1 are a pair.
class RotaryTable {
 public:
  explicit RotaryTable(const ModelConfig& config);

  // Rotates the first rotary_dim of the head's dimensions in place:
  // even' = even cos - odd sin, odd' = odd cos + even sin.
  void rotate(float* head, int64_t position) const;

  // [n_positions][rotary_dim / 2][cos, sin]
  std::span<const float> values() const { return table_.span(); }

 private:
  size_t pairs_;
  AlignedBuffer<float> table_;
};

}  // namespace gptj
