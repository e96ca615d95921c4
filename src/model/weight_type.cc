// SPDX-License-Identifier: Apache-2.0
#include "model/weight_type.h"

#include <iterator>

#include "base/check.h"

namespace gptj {
namespace {

constexpr const char* kNames[] = {"f32", "f16", "bf16", "int8",
                                  "int4"};  // in the order of the enum

}  // namespace

const char* weight_type_name(WeightType type) { return kNames[static_cast<size_t>(type)]; }

WeightType parse_weight_type(const std::string& name) {
  std::string known;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<WeightType>(i);
    known += (i == 0 ? "" : ", ") + std::string(kNames[i]);
  }
  fail(ErrorCode::kInvalidArgument, concat("weights: expected one of ", known, "; found ", name),
       "weights");
}

Element element_of(WeightType type) {
  // In the same order.
  return static_cast<Element>(type);
}

Packing packing_of(WeightType weights, std::optional<WeightType> head) {
  const WeightType otherwise = weights == WeightType::kInt4 ? WeightType::kInt8 : weights;
  return {element_of(weights), element_of(head.value_or(otherwise))};
}

WeightType default_kv_cache(WeightType weights) {
  return weights == WeightType::kF32 ? WeightType::kF32 : WeightType::kF16;
}

void check_kv_cache(WeightType type) {
  check_param(!is_quantized(element_of(type)), "kv_cache", "expected f32, f16 or bf16, found ",
              weight_type_name(type));
}

}  // namespace gptj
