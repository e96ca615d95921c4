// SPDX-License-Identifier: Apache-2.0
#define GPTJ_ISA avx512

#include "kernels/vec_avx512.h"
// Above: the vectors of this instruction set. Below: the kernels that use them.
#include "kernels/bytes_vnni.inc.h"
#include "kernels/table.inc.h"

namespace gptj {

const KernelTable kAvx512Kernels = GPTJ_KERNEL_TABLE("avx512");

}  // namespace gptj
