// SPDX-License-Identifier: Apache-2.0
#include "tensor/tensor_view.h"

namespace gptj {
namespace {

struct DTypeEntry {
  const char* name;
  size_t size;
};
// Names and sizes in bytes, in the order of the enum.
constexpr DTypeEntry kDTypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"BOOL", 1}, {"U8", 1},
                                  {"I8", 1},  {"I16", 2}, {"U16", 2},  {"I32", 4},  {"U32", 4},
                                  {"I64", 8}, {"U64", 8}, {"F64", 8}};

}  // namespace

size_t dtype_size(DType type) { return kDTypes[static_cast<size_t>(type)].size; }
const char* dtype_name(DType type) { return kDTypes[static_cast<size_t>(type)].name; }

std::string shape_text(std::span<const uint64_t> shape) {
  std::string text = "[";
  for (const uint64_t extent : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(extent);
  }
  return text + "]";
}

}  // namespace gptj
