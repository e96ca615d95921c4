// SPDX-License-Identifier: Apache-2.0
// Instruction sets compiled for tests alone, with plain code in the place of their instructions: so
// the logic of every file of kernels is tested on every machine with AVX2.
#pragma once

#include "kernels/kernels.h"

namespace gptj::test {

extern const PerElement<ProductKernel> kAvx2VnniEmulated;
extern const KernelTable kAvx512Simde;
extern const PerElement<ProductKernel> kAvx512Bf16Simde;
extern const PerElement<ProductKernel> kAmxEmulated;

}  // namespace gptj::test
