// SPDX-License-Identifier: Apache-2.0
// What the dots of 4-bit numbers have in common on sets with vectors of bytes. Include a vec_*.h
// first.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// Of a block of R rows.
template <int R>
inline void prefetch_weights(const void* p, size_t ahead) {
  if constexpr (R == 1) {
    prefetch(p, ahead);
  } else {
    prefetch_for_rows(p);
  }
}

// Unsigned numbers with a zero point: sum of q x - zero * sum of x.
struct ZeroPoints {
  using Zero = I32x16;
  static Zero zero(const uint8_t* p) { return load_nibbles(p); }
  static I32x16 start(Zero z, int32_t sum) { return times(z, -sum); }
};

}  // namespace
}  // namespace gptj::GPTJ_ISA
