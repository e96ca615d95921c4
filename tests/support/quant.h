// SPDX-License-Identifier: Apache-2.0
// What quantized weights mean, in plain loops: the norm that packing and products are tested
// against.
//
// A group of neighbouring inputs of one output shares a scale and, in int4, a zero point:
//   weight = scale * (q - zero), q from -127 to 127 (int8, zero = 0) or 0 to 15 (int4)
// with the scale an f16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gptj {

// k activations of one row, quantized: x is about scales[g] * q in group g.
struct QuantizedRow {
  std::vector<int8_t> q;
  std::vector<float> scales;
};
QuantizedRow quantize_activations(std::span<const float> x, size_t group);

// One output's weights, with the scale and zero point of each group.
struct QuantizedOutput {
  std::vector<int8_t> q;
  std::vector<float> scales;
  std::vector<int8_t> zeros;
};

// The product of the two: acc = fma(float(sum of (q - zero) x), x scale * w scale, acc), groups
// ascending from acc = 0.
float quantized_dot(const QuantizedRow& x, const QuantizedOutput& w, size_t group);

}  // namespace gptj
