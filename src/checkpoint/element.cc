// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/element.h"

namespace gptj {
namespace {

// The types that checkpoints store weights in, as files and as kernels call them.
constexpr struct {
  DType file;
  Element kernels;
} kStored[] = {
    {.file = DType::kF32, .kernels = Element::kF32},
    {.file = DType::kF16, .kernels = Element::kF16},
    {.file = DType::kBF16, .kernels = Element::kBF16},
};

}  // namespace

Element element_of(DType type) {
  for (const auto& stored : kStored) {
    if (stored.file == type) return stored.kernels;
  }
  return Element::kF32;
}

Element element_of(const TensorView& tensor) { return element_of(tensor.type); }

DType dtype_of(Element element) {
  for (const auto& stored : kStored) {
    if (stored.kernels == element) return stored.file;
  }
  return DType::kF32;
}

}  // namespace gptj
