// SPDX-License-Identifier: Apache-2.0
// Products by the tiles of Intel AMX. AVX-512 does the arithmetic around the tiles.
#define GPTJ_ISA amx

#include "kernels/tiles_amx.h"
#include "kernels/vec_avx512.h"
// Above: the registers of this instruction set. Below: the products that use them.
#include "kernels/tiles.inc.h"

namespace gptj {

const PerElement<ProductKernel> kAmxProducts = GPTJ_TILE_PRODUCTS("amx", kAvx512Kernels);

}  // namespace gptj
