// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/element.h"

namespace gptj {

Element element_of(DType type) {
  switch (type) {
    case DType::kF16: return Element::kF16;
    case DType::kBF16: return Element::kBF16;
    default: return Element::kF32;
  }
}

Element element_of(const TensorView& tensor) { return element_of(tensor.type); }

}  // namespace gptj
