// SPDX-License-Identifier: Apache-2.0
// Products by the tiles of Intel AMX, what surrounds them by AVX-512.
#define GPTJ_ISA amx

#include "kernels/tiles_amx.h"
#include "kernels/vec_avx512.h"
// Above: the registers of this instruction set; below: what is made of them.
#include "kernels/tiles.inc.h"

namespace gptj {

const ProductKernel kAmxProducts[kElements] = GPTJ_TILE_PRODUCTS("amx", kAvx512Kernels);

}  // namespace gptj
