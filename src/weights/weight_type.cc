// SPDX-License-Identifier: Apache-2.0
#include "weights/weight_type.h"

#include "base/check.h"

namespace gptj {

Element element_of(WeightType type) {
  // Both enums have the same order.
  return static_cast<Element>(type);
}

const char* weight_type_name(WeightType type) { return element_name(element_of(type)); }

WeightType parse_weight_type(const std::string& name) {
  std::string known;
  for (const WeightType type : kWeightTypes) {
    if (name == weight_type_name(type)) return type;
    known += (known.empty() ? "" : ", ") + std::string(weight_type_name(type));
  }
  fail(ErrorCode::kInvalidArgument, concat("weights: expected one of ", known, "; found ", name),
       "weights");
}

Packing packing_of(WeightType weights, std::optional<WeightType> head) {
  const WeightType otherwise = weights == WeightType::kInt4 ? WeightType::kInt8 : weights;
  return {element_of(weights), element_of(head.value_or(otherwise))};
}

WeightType default_kv_cache(WeightType weights) {
  return weights == WeightType::kF32 ? WeightType::kF32 : WeightType::kF16;
}

void check_kv_cache(WeightType type) {
  check_param(type != WeightType::kInt4, "kv_cache", "expected f32, f16, bf16 or int8, found ",
              weight_type_name(type));
}

}  // namespace gptj
