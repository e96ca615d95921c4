// SPDX-License-Identifier: Apache-2.0
// The table of weight types. Names, help texts, sets, sizes and error messages come from it.
//
// This header includes C headers only, because files with instruction-set flags include it.
#pragma once

#include <stddef.h>

#include "gptj/storage.h"

namespace gptj {

// The facts in which weight types differ. kernels.h describes how a panel of each type is laid out.
struct WeightTypeFacts {
  WeightType type;
  const char* name;
  size_t bits;  // of one stored number
  // Types whose numbers are integers, with one f16 scale for each group of inputs:
  bool quantized = false;
  bool zero_points = false;  // a group also has a zero point of 4 bits for each output
  size_t group = 0;          // inputs that share a scale
  size_t head_group = 0;     // the same for lm_head
  // The type of lm_head, and of the KV cache, unless another is asked for.
  WeightType head;
  WeightType kv_cache = WeightType::kF16;
  bool in_kv_cache = true;  // false: keys and values cannot be held in this type
};

// Groups have 128 inputs, because 4 bits are then exact enough and scales cost the products little.
// A head of 4 bits has groups of 32, because the head alone decides the logits; for the same reason
// an int4 model has an int8 head by default. The default KV cache is f16, which is as small as bf16
// and three bits more exact.
constexpr WeightTypeFacts kWeightTypeTable[] = {
    {.type = WeightType::kF32,
     .name = "f32",
     .bits = 32,
     .head = WeightType::kF32,
     .kv_cache = WeightType::kF32},
    {.type = WeightType::kF16, .name = "f16", .bits = 16, .head = WeightType::kF16},
    {.type = WeightType::kBF16, .name = "bf16", .bits = 16, .head = WeightType::kBF16},
    {.type = WeightType::kInt8,
     .name = "int8",
     .bits = 8,
     .quantized = true,
     .group = 128,
     .head_group = 128,
     .head = WeightType::kInt8},
    {.type = WeightType::kInt4,
     .name = "int4",
     .bits = 4,
     .quantized = true,
     .zero_points = true,
     .group = 128,
     .head_group = 32,
     .head = WeightType::kInt8,
     .in_kv_cache = false},
};
constexpr const WeightTypeFacts& facts(WeightType type) {
  return kWeightTypeTable[static_cast<size_t>(type)];
}

constexpr bool lists_each_type_in_order() {
  constexpr size_t kTypes = sizeof kWeightTypes / sizeof kWeightTypes[0];
  for (size_t i = 0; i < kTypes; ++i) {
    const auto type = static_cast<WeightType>(i);
    if (kWeightTypes[i] != type || kWeightTypeTable[i].type != type) return false;
  }
  return sizeof kWeightTypeTable / sizeof kWeightTypeTable[0] == kTypes;
}
static_assert(lists_each_type_in_order());

// One T for each weight type, for designated initialisers: {.f32 = ..., .int8 = ...}. The functions
// are always inlined, because files with instruction-set flags must not define weak symbols.
template <class T>
struct PerElement {
  T f32 = {}, f16 = {}, bf16 = {}, int8 = {}, int4 = {};

  [[gnu::always_inline]] constexpr T& operator[](WeightType type) { return pick(*this, type); }
  [[gnu::always_inline]] constexpr const T& operator[](WeightType type) const {
    return pick(*this, type);
  }

 private:
  template <class Self>
  [[gnu::always_inline]] static constexpr auto& pick(Self& self, WeightType type) {
    switch (type) {
      case WeightType::kF16: return self.f16;
      case WeightType::kBF16: return self.bf16;
      case WeightType::kInt8: return self.int8;
      case WeightType::kInt4: return self.int4;
      default: return self.f32;
    }
  }
};

}  // namespace gptj
