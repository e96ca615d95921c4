// SPDX-License-Identifier: Apache-2.0
#include "support/quant.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace gptj {

QuantizedRow quantize_activations(std::span<const float> x, size_t group) {
  QuantizedRow row;
  for (size_t begin = 0; begin < x.size(); begin += group) {
    const auto some = x.subspan(begin, std::min(group, x.size() - begin));
    uint32_t bits = 0;  // of the largest magnitude; those of a NaN are larger still
    for (const float v : some) bits = std::max(bits, std::bit_cast<uint32_t>(v) & 0x7fffffffu);
    const auto amax = std::bit_cast<float>(bits);
    const bool finite = bits < 0x7f800000u, tiny = finite && amax < 0x1p-96f;
    row.scales.push_back(!finite ? std::numeric_limits<float>::quiet_NaN()
                                 : (tiny ? 0.0f : amax / 127.0f));
    const float r = finite && !tiny ? 127.0f / amax : 0.0f;
    for (const float v : some) {
      row.q.push_back(finite ? static_cast<int8_t>(std::nearbyint(v * r)) : int8_t{0});
    }
  }
  return row;
}

float quantized_dot(const QuantizedRow& x, const QuantizedOutput& w, size_t group) {
  float acc = 0.0f;
  for (size_t begin = 0, g = 0; begin < w.q.size(); begin += group, ++g) {
    int32_t dot = 0;
    for (size_t i = begin; i < std::min(begin + group, w.q.size()); ++i) {
      dot += (w.q[i] - w.zeros[g]) * x.q[i];
    }
    acc = std::fma(static_cast<float>(dot), x.scales[g] * w.scales[g], acc);
  }
  return acc;
}

}  // namespace gptj
