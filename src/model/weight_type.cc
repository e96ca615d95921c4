// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include "base/check.h"
#include "gptj/checkpoint.h"

namespace gptj {
namespace {

constexpr const char* kNames[] = {"f32", "f16", "bf16"};  // in the order of the enum

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

}  // namespace gptj
