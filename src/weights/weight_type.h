// SPDX-License-Identifier: Apache-2.0
// What follows from the types that a user names.
#pragma once

#include <optional>

#include "gptj/checkpoint.h"
#include "kernels/kernels.h"
#include "weights/weights.h"

namespace gptj {

Element element_of(WeightType type);
// A head of an int4 model keeps 8 bits unless told otherwise: it decides the logits alone, and is
// read once a token as any layer.
Packing packing_of(WeightType weights, std::optional<WeightType> head);
// f32 with f32, else f16: as small as bf16, and three bits more exact.
WeightType default_kv_cache(WeightType weights);
// Throws kInvalidArgument unless keys and values can be held so.
void check_kv_cache(WeightType type);

}  // namespace gptj
