// SPDX-License-Identifier: Apache-2.0
// Exact dots of bytes on sets where one instruction multiplies unsigned by signed bytes and adds
// four products to 32 bits. The concept is in quantized.inc.h.
#pragma once

#include "kernels/bytes.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

struct VnniBurst {
  static constexpr uint64_t kBurstInputs = 4;
  static I32x16 burst(I32x16 acc, Bytes w, Bytes x) { return dot(acc, w, x); }
};

// Panels hold q + 128, so sum of q x = sum of (q + 128) x - 128 * sum of x.
struct Int8 : VnniBurst {
  static constexpr Element kElement = Element::kInt8;
  static constexpr bool kStored = true;
  static constexpr size_t kInputBytes = kLanes;
  struct Zero {};
  static Zero zero(const uint8_t*) { return {}; }
  static I32x16 start(Zero, int32_t sum) { return splat_integer(-128 * sum); }
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, size_t ahead, I32x16 (&acc)[R][P]) {
    for (size_t begin = 0; begin < n; begin += 32) {
      GPTJ_UNROLL for (size_t j = 0; j < 32; j += 4) {
        const size_t i = begin + j;
        GPTJ_UNROLL for (int p = 0; p < P; ++p) {
          const uint8_t* at = w + static_cast<size_t>(p) * w_stride + i * kInputBytes;
          prefetch_weights<R>(at, ahead);
          const Bytes bytes = load_bytes(at);
          GPTJ_UNROLL for (int r = 0; r < R; ++r) {
            acc[r][p] = dot(acc[r][p], bytes, x + static_cast<size_t>(r) * x_stride + i);
          }
        }
      }
    }
  }
  using Unpacked = Int8;
};

// Numbers from 0 to 15.
struct Int4 : ZeroPoints, VnniBurst {
  static constexpr Element kElement = Element::kInt4;
  static constexpr bool kStored = true;
  static constexpr size_t kInputBytes = kLanes / 2;
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, size_t ahead, I32x16 (&acc)[R][P]) {
    for (size_t begin = 0; begin < n; begin += 32) {
      GPTJ_UNROLL for (size_t j = 0; j < 32; j += 8) {
        const size_t i = begin + j;
        GPTJ_UNROLL for (int p = 0; p < P; ++p) {
          const uint8_t* at = w + static_cast<size_t>(p) * w_stride + i * kInputBytes;
          prefetch_weights<R>(at, ahead);
          const Bytes both = load_bytes(at);
          const Bytes low = low_nibbles(both), high = high_nibbles(both);
          GPTJ_UNROLL for (int r = 0; r < R; ++r) {
            const int8_t* row = x + static_cast<size_t>(r) * x_stride + i;
            acc[r][p] = dot(acc[r][p], low, row);
            acc[r][p] = dot(acc[r][p], high, row + 4);
          }
        }
      }
    }
  }
  using Unpacked = Int4;
};

}  // namespace
}  // namespace gptj::GPTJ_ISA
