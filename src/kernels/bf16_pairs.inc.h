// SPDX-License-Identifier: Apache-2.0
// Products of bf16 weights and bf16 rows. AVX512-BF16 multiplies and adds a pair of inputs in one
// instruction. Include vec_avx512.h first.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

inline __m512bh as_pairs(F32x16 v) { return reinterpret_cast<__m512bh>(v); }

// A chain over pairs of bf16: a pair of inputs takes the place of one f32.
struct Pairs {
  using Stored = float;
  static constexpr size_t kStep = 1;
  static constexpr uint64_t kOperations = 4;
  static void load_step(const Stored* p, F32x16* out) { out[0] = load(p); }
  static F32x16 multiply_add(F32x16 x, F32x16 w, F32x16 acc) {
    return _mm512_dpbf16_ps(acc, as_pairs(x), as_pairs(w));
  }
};

void product_of_pairs(const Product& a) {
  Product pairs = a;
  pairs.k = (a.k + 1) / 2;
  pairs.x.stride = a.x.stride / 2;
  product<Pairs>(pairs);
}

}  // namespace
}  // namespace gptj::GPTJ_ISA

// Products in the order of Element.
#define GPTJ_PAIR_PRODUCTS(isa_name)                   \
  {                                                    \
    .bf16 = {                                          \
      .compute = &GPTJ_ISA::product_of_pairs,          \
      .operand = Operand::kBF16,                       \
      .isa = isa_name,                                 \
      .burst = &GPTJ_ISA::chain_burst<GPTJ_ISA::Pairs> \
    }                                                  \
  }
