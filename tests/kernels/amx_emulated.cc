// SPDX-License-Identifier: Apache-2.0
// The products of amx.cc on processors without AMX and AVX-512.
#define GPTJ_ISA amx_emulated

#include "kernels/simde_avx512.h"
#include "kernels/tiles_emulated.h"
#include "kernels/vec_avx512.h"
// Above: the registers of this instruction set; below: what is made of them.
#include "kernels/emulated.h"
#include "kernels/tiles.inc.h"

namespace gptj::test {

const PerElement<ProductKernel> kAmxEmulated = GPTJ_TILE_PRODUCTS("emulated amx", kAvx512Simde);

}  // namespace gptj::test
