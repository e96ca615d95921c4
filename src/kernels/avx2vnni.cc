// SPDX-License-Identifier: Apache-2.0
// Products by AVX2's vectors and the dot product of bytes that AVX-VNNI adds.
#define GPTJ_ISA avx2vnni

#include "kernels/vec_avx2.h"
// Above: the vectors of this instruction set. Below: the products that use them.
#include "kernels/bytes_vnni.inc.h"
#include "kernels/quantized.inc.h"

namespace gptj {

const ProductKernel kAvx2VnniProducts[kElements] = {
    {}, {}, {}, GPTJ_QUANTIZED_PRODUCTS("avx2vnni")};

}  // namespace gptj
