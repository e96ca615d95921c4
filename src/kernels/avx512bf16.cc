// SPDX-License-Identifier: Apache-2.0
#define GPTJ_ISA avx512bf16

#include "kernels/vec_avx512.h"
// Above: the vector of this instruction set. Below: the products that use it.
#include "kernels/bf16_pairs.inc.h"

namespace gptj {

const PerElement<ProductKernel> kAvx512Bf16Products = GPTJ_PAIR_PRODUCTS("avx512bf16");

}  // namespace gptj
