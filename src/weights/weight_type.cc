// SPDX-License-Identifier: Apache-2.0
#include "weights/weight_type.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace gptj {
namespace {

// Returns the names of all types of which `test` is true, as a choice: "f32, f16 or bf16".
template <class Test>
std::string names(const Test& test) {
  std::vector<std::string> found;
  for (const WeightType type : kWeightTypes) {
    if (test(type)) found.push_back(weight_type_name(type));
  }
  return choice(found);
}

}  // namespace

const char* weight_type_name(WeightType type) { return facts(type).name; }
bool is_quantized(WeightType type) { return facts(type).quantized; }
bool is_kv_cache_type(WeightType type) { return facts(type).in_kv_cache; }

std::string weight_type_names() {
  return names([](WeightType) { return true; });
}

std::optional<WeightType> find_weight_type(std::string_view name) {
  for (const WeightType type : kWeightTypes) {
    if (name == weight_type_name(type)) return type;
  }
  return {};
}

WeightType parse_weight_type(const std::string& name) {
  const std::optional<WeightType> found = find_weight_type(name);
  check_param(found.has_value(), "weights", "expected ", weight_type_names(), ", found \"", name,
              "\"");
  return *found;
}

Packing packing_of(WeightType weights, std::optional<WeightType> head) {
  return {weights, head.value_or(facts(weights).head)};
}

WeightType default_kv_cache(WeightType weights) { return facts(weights).kv_cache; }

void check_kv_cache(WeightType type) {
  check_param(is_kv_cache_type(type), "kv_cache", "expected ", names(is_kv_cache_type), ", found ",
              weight_type_name(type));
}

}  // namespace gptj
