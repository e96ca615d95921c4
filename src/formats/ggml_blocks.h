// SPDX-License-Identifier: Apache-2.0
// Converts numbers as ggml stores them: 32 neighbours of a row share a block, which holds a scale
// and small integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace gptj {

// The supported types of numbers, with the numbers that files use for them.
enum class GgmlType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
};

inline constexpr uint64_t kGgmlBlock = 32;
// The last version of the layout of blocks in legacy files. Later versions belong to GGUF.
inline constexpr int kLastGgmlQuantization = 2;

// Returns the type with this number, or nothing if GgmlType has none.
std::optional<GgmlType> ggml_type(uint32_t number);
// Returns the name of ggml's type with this number, "q4_0", also if the type is not in GgmlType.
// Returns null if ggml never had a type of this number.
const char* ggml_type_name(uint32_t number);

// Returns whether numbers of the type are stored in blocks.
bool is_quantized(GgmlType type);

// Returns the bytes of a row of n numbers. REQUIRES: for a quantized type, n is a multiple of
// kGgmlBlock.
uint64_t ggml_row_bytes(GgmlType type, int quantization, uint64_t n);

// Converts blocks of a quantized type to f32, 32 numbers from each block. REQUIRES: `out` has
// exactly that many.
void dequantize_ggml(GgmlType type, int quantization, std::span<const std::byte> blocks,
                     std::span<float> out);

}  // namespace gptj
