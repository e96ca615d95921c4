// SPDX-License-Identifier: Apache-2.0
#define GPTJ_ISA portable

#include "kernels/vec_portable.h"
// Above: the vectors of this instruction set. Below: the kernels that use them.
#include "kernels/bytes_portable.inc.h"
#include "kernels/table.inc.h"

namespace gptj {

const KernelTable kPortableKernels = GPTJ_KERNEL_TABLE("portable");

}  // namespace gptj
