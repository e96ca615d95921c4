// SPDX-License-Identifier: Apache-2.0
// Exact dots of bytes in plain loops. The concept is in quantized.inc.h.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// acc[lane] += sum over b of w[lane][b] * x[b], where a word holds the four unsigned numbers of a
// lane. The loop has a form that compilers vectorize.
inline void add_four(I32x16& acc, const uint32_t (&w)[kLanes], const int8_t* x) {
  const int32_t x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
  for (int lane = 0; lane < 16; ++lane) {
    const uint32_t four = w[lane];
    acc[lane] +=
        static_cast<int32_t>(four & 0xff) * x0 + static_cast<int32_t>(four >> 8 & 0xff) * x1 +
        static_cast<int32_t>(four >> 16 & 0xff) * x2 + static_cast<int32_t>(four >> 24) * x3;
  }
}

struct PlainBurst {
  static constexpr uint64_t kBurstInputs = 1;
  static I32x16 burst(const I32x16& acc, const Bytes& w, const Bytes& x) { return acc + w * x; }
};

// Panels hold q + 128, so sum of q x = sum of (q + 128) x - 128 * sum of x.
struct Int8 : PlainBurst {
  static constexpr Element kElement = Element::kInt8;
  static constexpr bool kStored = true;
  static constexpr size_t kInputBytes = kLanes;
  struct Zero {};
  static Zero zero(const uint8_t*) { return {}; }
  static I32x16 start(Zero, int32_t sum) { return splat_integer(-128 * sum); }
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, size_t, I32x16 (&acc)[R][P]) {
    for (size_t i = 0; i < n; i += 4) {
      for (size_t p = 0; p < P; ++p) {
        uint32_t words[kLanes];
        __builtin_memcpy(words, w + p * w_stride + i * kInputBytes, sizeof words);
        for (size_t r = 0; r < R; ++r) add_four(acc[r][p], words, x + r * x_stride + i);
      }
    }
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
                         size_t n, size_t, I32x16 (&acc)[R][P]) {
    for (size_t i = 0; i < n; i += 8) {
      for (size_t p = 0; p < P; ++p) {
        uint32_t both[kLanes], low[kLanes], high[kLanes];
        __builtin_memcpy(both, w + p * w_stride + i * kInputBytes, sizeof both);
        for (size_t lane = 0; lane < kLanes; ++lane) {
          low[lane] = both[lane] & 0x0f0f0f0fu;
          high[lane] = both[lane] >> 4 & 0x0f0f0f0fu;
        }
        for (size_t r = 0; r < R; ++r) {
          add_four(acc[r][p], low, x + r * x_stride + i);
          add_four(acc[r][p], high, x + r * x_stride + i + 4);
        }
      }
    }
  }
  using Unpacked = Int4;
};

}  // namespace
}  // namespace gptj::GPTJ_ISA
