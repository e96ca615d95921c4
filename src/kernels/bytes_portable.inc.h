// SPDX-License-Identifier: Apache-2.0
// Exact dots of bytes in plain loops. The concept is in quantized.inc.h.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// acc[r][p][lane] += sum over i of weight(p, i, lane) * x[r][i]
template <int R, int P, class Weight>
inline void accumulate_each(Weight weight, const int8_t* x, size_t x_stride, size_t n,
                            I32x16 (&acc)[R][P]) {
  for (int r = 0; r < R; ++r) {
    for (int p = 0; p < P; ++p) {
      for (size_t i = 0; i < n; ++i) {
        const int32_t value = x[static_cast<size_t>(r) * x_stride + i];
        for (size_t lane = 0; lane < kLanes; ++lane) {
          acc[r][p][static_cast<int>(lane)] += weight(static_cast<size_t>(p), i, lane) * value;
        }
      }
    }
  }
}

struct PlainBurst {
  static constexpr uint64_t kBurstInputs = 1;
  static I32x16 burst(const I32x16& acc, const Bytes& w, const Bytes& x) { return acc + w * x; }
};

struct Int8 : PlainBurst {
  static constexpr Element kElement = Element::kInt8;
  static constexpr bool kStored = true;
  static constexpr size_t kInputBytes = kLanes;
  struct Zero {};
  static Zero zero(const uint8_t*) { return {}; }
  static I32x16 start(Zero, int32_t) { return I32x16::Zero(); }
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, I32x16 (&acc)[R][P]) {
    accumulate_each(
        [&](size_t p, size_t i, size_t lane) {
          return w[p * w_stride + (i / 4 * kLanes + lane) * 4 + i % 4] - 128;
        },
        x, x_stride, n, acc);
  }
  using Unpacked = Int8;
};

struct Int4 : PlainBurst {
  static constexpr Element kElement = Element::kInt4;
  static constexpr bool kStored = true;
  static constexpr size_t kInputBytes = kLanes / 2;
  using Zero = I32x16;
  static Zero zero(const uint8_t* p) {
    Zero zeros;
    for (int lane = 0; lane < 16; ++lane) zeros[lane] = lane < 8 ? p[lane] & 15 : p[lane - 8] >> 4;
    return zeros;
  }
  static I32x16 start(const Zero& zero, int32_t sum) { return zero * -sum; }
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, I32x16 (&acc)[R][P]) {
    accumulate_each(
        [&](size_t p, size_t i, size_t lane) {
          const uint8_t both = w[p * w_stride + (i / 8 * kLanes + lane) * 4 + i % 4];
          return i % 8 < 4 ? both & 15 : both >> 4;
        },
        x, x_stride, n, acc);
  }
  using Unpacked = Int4;
};

}  // namespace
}  // namespace gptj::GPTJ_ISA
