// SPDX-License-Identifier: Apache-2.0
// The parts that dots of bytes share on all sets with vectors of bytes. Include a vec_*.h first.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// Prefetches the weights of a block of R rows. Only single rows use `ahead`.
template <int R>
inline void prefetch_weights(const void* p, size_t ahead) {
  if constexpr (R == 1) {
    prefetch(p, ahead);
  } else {
    prefetch_for_rows(p);
  }
}

// Dots of unsigned numbers q with a zero point: sum of q x - zero * sum of x.
struct ZeroPoints {
  using Zero = I32x16;
  static Zero zero(const uint8_t* p) { return load_nibbles(p); }
  static I32x16 start(Zero z, int32_t sum) { return times(z, -sum); }
};

}  // namespace
}  // namespace gptj::GPTJ_ISA
