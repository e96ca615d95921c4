// SPDX-License-Identifier: Apache-2.0
// Numbers as ggml stores them: 32 neighbours of a row share a block of a scale and small integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace gptj {

// As files number them.
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
// Later quantization versions belong to GGUF.
inline constexpr int kLastGgmlQuantization = 2;

// None for a number that is no type of this list.
std::optional<GgmlType> ggml_type(uint32_t number);
// "q4_0"; of numbers that are no GgmlType too, null where ggml never had them.
const char* ggml_type_name(uint32_t number);

bool is_quantized(GgmlType type);

// Bytes of a row of n numbers; of a quantized type n is a multiple of kGgmlBlock.
uint64_t ggml_row_bytes(GgmlType type, int quantization, uint64_t n);

// Blocks of a quantized type to f32: 32 numbers from each, `out` being as long as that.
void dequantize_ggml(GgmlType type, int quantization, std::span<const std::byte> blocks,
                     std::span<float> out);

}  // namespace gptj
