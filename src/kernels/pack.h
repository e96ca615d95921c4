// SPDX-License-Identifier: Apache-2.0
// Packing weights into panels (kernels.h has the layout): once, while loading.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/kernels.h"

namespace gptj {

// The k stored weights of one output, little-endian at any alignment. No data: an absent output.
struct SourceRow {
  const std::byte* data = nullptr;
  Element type = Element::kF32;
};

// 16 outputs become one panel of `target` elements; absent outputs become zero. Widening is exact,
// narrowing rounds to nearest even. Returns false if a finite weight became infinite.
bool pack_panel(std::span<const SourceRow, kLanes> rows, size_t k, Element target, void* panel);

// n stored values to f32, exactly.
void widen(const std::byte* source, Element source_type, size_t n, float* out);

}  // namespace gptj
