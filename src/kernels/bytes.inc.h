// SPDX-License-Identifier: Apache-2.0
// What the dots of 4-bit numbers have in common on sets with vectors of bytes. Include a vec_*.h
// first.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// Unsigned numbers with a zero point: sum of q x - zero * sum of x.
struct ZeroPoints {
  using Zero = I32x16;
  static Zero zero(const uint8_t* p) { return load_nibbles(p); }
  static I32x16 start(Zero z, int32_t sum) { return times(z, -sum); }
};

// n inputs of 4 bits to a byte each. Most of the next chunk is asked for meanwhile, to come while
// this one is multiplied.
constexpr size_t kUnpackAhead = 7232;
inline void unpack_nibbles(const uint8_t* w, size_t n, uint8_t* out) {
  for (size_t i = 0; i < n; i += 8) {
    const uint8_t* at = w + i * kLanes / 2;
    prefetch(at, kUnpackAhead);
    const Bytes both = load_bytes(at);
    store_bytes(out + i * kLanes, low_nibbles(both));
    store_bytes(out + (i + 4) * kLanes, high_nibbles(both));
  }
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
