// SPDX-License-Identifier: Apache-2.0
// The products of avx512bf16.cc on processors without AVX-512.
#define GPTJ_ISA avx512bf16_simde

#include "kernels/simde_avx512.h"
#include "kernels/vec_avx512.h"
// Above: the vector of this instruction set; below: what is made of it.
#include "kernels/bf16_pairs.inc.h"
#include "kernels/emulated.h"

namespace gptj::test {

const PerElement<ProductKernel> kAvx512Bf16Simde = GPTJ_PAIR_PRODUCTS("avx512bf16 by SIMDe");

}  // namespace gptj::test
