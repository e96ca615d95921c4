// SPDX-License-Identifier: Apache-2.0
#include "formats/ggml_blocks.h"

#include <array>
#include <cstring>

#include "base/half.h"

namespace gptj {
namespace {

constexpr uint64_t kNibbleBytes = kGgmlBlock / 2;

using Integers = std::array<uint8_t, kGgmlBlock>;

// Names by the types' numbers. ggml dropped some of these types, and introduced those from q2_K on
// later.
constexpr const char* kNames[] = {"f32",  "f16",  "q4_0", "q4_1", "q4_2", "q4_3", "q5_0", "q5_1",
                                  "q8_0", "q8_1", "q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "q8_K"};

bool has_minimum(GgmlType type) { return type == GgmlType::kQ4_1 || type == GgmlType::kQ5_1; }
bool has_fifth_bits(GgmlType type) { return type == GgmlType::kQ5_0 || type == GgmlType::kQ5_1; }

// Returns whether scales have 16 bits. Types of five bits had such scales from the start; the
// others changed to them in version 2.
bool has_half_scales(GgmlType type, int quantization) {
  return quantization >= 2 || has_fifth_bits(type);
}

// Returns the number that is subtracted from a block's integers.
float zero_point(GgmlType type) {
  if (type == GgmlType::kQ4_0) return 8;
  if (type == GgmlType::kQ5_0) return 16;
  return 0;
}

uint64_t block_bytes(GgmlType type, int quantization) {
  const uint64_t scale = has_half_scales(type, quantization) ? 2 : 4;
  const uint64_t integers = type == GgmlType::kQ8_0 ? kGgmlBlock : kNibbleBytes;
  return scale * (has_minimum(type) ? 2 : 1) + (has_fifth_bits(type) ? 4 : 0) + integers;
}

// Reads a scale of 16 (`half`) or 32 bits and moves `at` behind it.
float read_scale(const std::byte*& at, bool half) {
  if (half) {
    uint16_t bits;
    std::memcpy(&bits, at, sizeof bits);
    at += sizeof bits;
    return f16_to_f32(bits);
  }
  float scale;
  std::memcpy(&scale, at, sizeof scale);
  at += sizeof scale;
  return scale;
}

// Unpacks a block's integers of 4 bits. In version 0 a byte holds two neighbours; in later versions
// the low nibbles hold the first half of the block, and the high nibbles the second half.
void unpack_nibbles(const std::byte* at, bool neighbours, Integers& q) {
  for (size_t i = 0; i < kNibbleBytes; ++i) {
    const auto both = std::to_integer<uint8_t>(at[i]);
    q[neighbours ? 2 * i : i] = both & 15;
    q[neighbours ? 2 * i + 1 : i + kNibbleBytes] = both >> 4;
  }
}

// Adds the fifth bit to each number. Bit i belongs to number i in every version.
void add_fifth_bits(uint32_t bits, Integers& q) {
  for (size_t i = 0; i < kGgmlBlock; ++i) {
    q[i] = static_cast<uint8_t>(q[i] | (((bits >> i) & 1u) << 4));
  }
}

void dequantize_bytes(const std::byte* at, float scale, float* out) {
  for (size_t i = 0; i < kGgmlBlock; ++i) {
    out[i] = static_cast<float>(static_cast<int8_t>(at[i])) * scale;
  }
}

void dequantize_block(GgmlType type, int quantization, const std::byte* at, float* out) {
  const bool half = has_half_scales(type, quantization);
  const float scale = read_scale(at, half);
  if (type == GgmlType::kQ8_0) return dequantize_bytes(at, scale, out);
  const float minimum = has_minimum(type) ? read_scale(at, half) : 0.0f;
  uint32_t fifth_bits = 0;
  if (has_fifth_bits(type)) {
    std::memcpy(&fifth_bits, at, sizeof fifth_bits);
    at += sizeof fifth_bits;
  }
  Integers q;
  unpack_nibbles(at, quantization == 0, q);
  if (has_fifth_bits(type)) add_fifth_bits(fifth_bits, q);
  const float zero = zero_point(type);
  if (has_minimum(type)) {
    for (size_t i = 0; i < kGgmlBlock; ++i) out[i] = static_cast<float>(q[i]) * scale + minimum;
  } else {
    for (size_t i = 0; i < kGgmlBlock; ++i) out[i] = (static_cast<float>(q[i]) - zero) * scale;
  }
}

}  // namespace

std::optional<GgmlType> ggml_type(uint32_t number) {
  for (const GgmlType type : {GgmlType::kF32, GgmlType::kF16, GgmlType::kQ4_0, GgmlType::kQ4_1,
                              GgmlType::kQ5_0, GgmlType::kQ5_1, GgmlType::kQ8_0}) {
    if (number == static_cast<uint32_t>(type)) return type;
  }
  return std::nullopt;
}

const char* ggml_type_name(uint32_t number) {
  return number < std::size(kNames) ? kNames[number] : nullptr;
}

bool is_quantized(GgmlType type) { return type != GgmlType::kF32 && type != GgmlType::kF16; }

uint64_t ggml_row_bytes(GgmlType type, int quantization, uint64_t n) {
  if (type == GgmlType::kF32) return 4 * n;
  if (type == GgmlType::kF16) return 2 * n;
  return n / kGgmlBlock * block_bytes(type, quantization);
}

void dequantize_ggml(GgmlType type, int quantization, std::span<const std::byte> blocks,
                     std::span<float> out) {
  const uint64_t size = block_bytes(type, quantization);
  for (size_t i = 0; i < blocks.size() / size; ++i) {
    dequantize_block(type, quantization, blocks.data() + i * size, out.data() + i * kGgmlBlock);
  }
}

}  // namespace gptj
