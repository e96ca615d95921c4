// SPDX-License-Identifier: Apache-2.0
#include "kernels/pack.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"

namespace gptj {
namespace {

template <Element E>
struct Stored {
  using Type = uint16_t;
};
template <>
struct Stored<Element::kF32> {
  using Type = float;
};

template <Element E>
float to_float(typename Stored<E>::Type value) {
  if constexpr (E == Element::kF16) return f16_to_f32(value);
  if constexpr (E == Element::kBF16) return bf16_to_f32(value);
  if constexpr (E == Element::kF32) return value;
}

template <Element E>
typename Stored<E>::Type from_float(float value) {
  if constexpr (E == Element::kF16) return f32_to_f16(value);
  if constexpr (E == Element::kBF16) return f32_to_bf16(value);
  if constexpr (E == Element::kF32) return value;
}

template <Element E>
typename Stored<E>::Type read(const std::byte* source, size_t index) {
  typename Stored<E>::Type value;
  std::memcpy(&value, source + index * sizeof value, sizeof value);
  return value;
}

// Where input i of a lane stands in its panel.
template <Element E>
size_t panel_index(size_t i, size_t lane) {
  if constexpr (E == Element::kBF16) return (i / 2 * kLanes + lane) * 2 + i % 2;
  return i * kLanes + lane;
}

// Calls f with the element type as a template argument.
template <class Function>
auto with_element(Element element, Function f) {
  switch (element) {
    case Element::kF16: return f.template operator()<Element::kF16>();
    case Element::kBF16: return f.template operator()<Element::kBF16>();
    case Element::kF32: break;
  }
  return f.template operator()<Element::kF32>();
}

// Inputs begin .. end - 1 of one output.
template <Element From, Element To>
bool pack_lane(const std::byte* source, size_t lane, size_t begin, size_t end,
               typename Stored<To>::Type* panel) {
  bool in_range = true;
  for (size_t i = begin; i < end; ++i) {
    const auto stored = read<From>(source, i);
    if constexpr (From == To) {
      panel[panel_index<To>(i, lane)] = stored;
    } else {
      const float value = to_float<From>(stored);
      const auto narrowed = from_float<To>(value);
      in_range = in_range && (std::isfinite(to_float<To>(narrowed)) || !std::isfinite(value));
      panel[panel_index<To>(i, lane)] = narrowed;
    }
  }
  return in_range;
}

template <Element To>
bool pack(std::span<const SourceRow, kLanes> rows, size_t k, void* panel) {
  auto* target = static_cast<typename Stored<To>::Type*>(panel);
  std::memset(panel, 0, panel_elements(To, k) * element_size(To));
  bool in_range = true;
  // A few inputs of each output at a time, so that the panel's lines are written while in cache.
  constexpr size_t kStep = 32;
  for (size_t begin = 0; begin < k; begin += kStep) {
    const size_t end = std::min(k, begin + kStep);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      if (rows[lane].data == nullptr) continue;
      in_range &= with_element(rows[lane].type, [&]<Element From>() {
        return pack_lane<From, To>(rows[lane].data, lane, begin, end, target);
      });
    }
  }
  return in_range;
}

}  // namespace

bool pack_panel(std::span<const SourceRow, kLanes> rows, size_t k, Element target, void* panel) {
  return with_element(target, [&]<Element To>() { return pack<To>(rows, k, panel); });
}

void widen(const std::byte* source, Element source_type, size_t n, float* out) {
  with_element(source_type, [&]<Element From>() {
    for (size_t i = 0; i < n; ++i) out[i] = to_float<From>(read<From>(source, i));
  });
}

}  // namespace gptj
