// SPDX-License-Identifier: Apache-2.0
// Products by AVX2's vectors and the dot product of bytes that AVX-VNNI adds.
#define GPTJ_ISA avx2vnni

#include "kernels/vec_avx2.h"
// Above: the vectors of this instruction set. Below: the products that use them.
#include "kernels/bytes_vnni.inc.h"
#include "kernels/quantized.inc.h"

namespace gptj {

const PerElement<ProductKernel> kAvx2VnniProducts = {
    .int8 = GPTJ_QUANTIZED_PRODUCT("avx2vnni", Int8),
    .int4 = GPTJ_QUANTIZED_PRODUCT("avx2vnni", Int4)};

}  // namespace gptj
