// SPDX-License-Identifier: Apache-2.0
// Conversions and defaults of the weight types that a user names.
#pragma once

#include <optional>

#include "gptj/checkpoint.h"
#include "kernels/kernels.h"
#include "weights/weights.h"

namespace gptj {

Element element_of(WeightType type);
// Returns the packing of layers and head. If `head` is not given, an int4 model gets an int8 head,
// because the head alone decides the logits, and is read once a token, as every layer is.
Packing packing_of(WeightType weights, std::optional<WeightType> head);
// Returns the type of the KV cache if none is given: f32 for f32 weights, else f16, which is as
// small as bf16 and three bits more exact.
WeightType default_kv_cache(WeightType weights);
// Throws kInvalidArgument if a KV cache cannot hold this type.
void check_kv_cache(WeightType type);

}  // namespace gptj
