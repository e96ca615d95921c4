// SPDX-License-Identifier: Apache-2.0
// Names and defaults of the weight types; the facts are in kernels/weight_types.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gptj/checkpoint.h"
#include "weights/weights.h"

namespace gptj {

// Returns the names of all weight types as a choice: "f32, f16, bf16, int8 or int4".
std::string weight_type_names();
// Returns the type of that name, or nothing if there is none.
std::optional<WeightType> find_weight_type(std::string_view name);
// Returns the packing of layers and head. If `head` is not given, the weights' type decides it.
Packing packing_of(WeightType weights, std::optional<WeightType> head);
// Returns the type of the KV cache if none is given.
WeightType default_kv_cache(WeightType weights);
// Throws kInvalidArgument if a KV cache cannot hold this type.
void check_kv_cache(WeightType type);

}  // namespace gptj
