// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gptj {

enum class DType { kF32, kF16, kBF16, kBool, kU8, kI8, kI16, kU16, kI32, kU32, kI64, kU64, kF64 };

// Returns the bytes per element.
size_t dtype_size(DType type);
// Returns the name as safetensors spells it: "F32", "BF16", ...
const char* dtype_name(DType type);

// A tensor inside a file: row-major, little-endian. It owns nothing, and is valid as long as its
// file is mapped.
struct TensorView {
  std::string name;
  DType type = DType::kF32;
  std::vector<uint64_t> shape;
  std::span<const std::byte> bytes;
};

// Returns a shape as text: "[50400, 4096]".
std::string shape_text(std::span<const uint64_t> shape);

}  // namespace gptj
