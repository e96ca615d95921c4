// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/kernels.h"
#include "tensor/tensor_view.h"

namespace gptj {

// Returns the kernels' element type for stored weights of F32, F16 or BF16.
Element element_of(DType type);
Element element_of(const TensorView& tensor);
// Returns the file's type for weights of f32, f16 or bf16.
DType dtype_of(Element element);

}  // namespace gptj
