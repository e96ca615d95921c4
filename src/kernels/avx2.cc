// SPDX-License-Identifier: Apache-2.0
#define GPTJ_ISA avx2

#include "kernels/vec_avx2.h"
// Above: the vectors of this instruction set. Below: the kernels that use them.
#include "kernels/bytes_avx2.inc.h"
#include "kernels/table.inc.h"

namespace gptj {

const KernelTable kAvx2Kernels = GPTJ_KERNEL_TABLE("avx2");

}  // namespace gptj
