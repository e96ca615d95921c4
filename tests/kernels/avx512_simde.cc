// SPDX-License-Identifier: Apache-2.0
// The kernels of avx512.cc on processors without AVX-512.
#define GPTJ_ISA avx512_simde

#include "kernels/simde_avx512.h"
#include "kernels/vec_avx512.h"
// Above: the vectors of this instruction set; below: what is made of them.
#include "kernels/bytes_vnni.inc.h"
#include "kernels/emulated.h"
#include "kernels/table.inc.h"

namespace gptj::test {

const KernelTable kAvx512Simde = GPTJ_KERNEL_TABLE("avx512 by SIMDe");

}  // namespace gptj::test
