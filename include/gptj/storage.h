// SPDX-License-Identifier: Apache-2.0
// The types in which weights, keys and values are held, and the size of a page of the KV cache.
//
// This header includes C headers only, because the library's files with instruction-set flags
// include it.
#pragma once

#include <stdint.h>

#include "gptj/export.h"

namespace gptj {

// The type in which weights are held in memory. int8 and int4 are numbers of 8 and 4 bits with
// scales; they are multiplied by activations rounded to 8 bits. The lm_head of an int4 model is
// int8 unless another type is asked for.
enum class WeightType : uint8_t { kF32, kF16, kBF16, kInt8, kInt4 };
constexpr WeightType kWeightTypes[] = {WeightType::kF32, WeightType::kF16, WeightType::kBF16,
                                       WeightType::kInt8, WeightType::kInt4};

// Returns "f32", "f16", "bf16", "int8" or "int4".
GPTJ_API const char* weight_type_name(WeightType type);
// Returns true if the type rounds weights to integers with scales, as int8 and int4 do.
GPTJ_API bool is_quantized(WeightType type);
// Returns true if a KV cache can hold keys and values in this type: any but int4.
GPTJ_API bool is_kv_cache_type(WeightType type);

// Positions in one page of the KV cache, which grows by whole pages.
constexpr int64_t kKvPagePositions = 64;

}  // namespace gptj
