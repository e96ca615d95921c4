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

// What a panel is to become.
struct PanelFormat {
  Element element = Element::kF32;
  size_t k = 0;
  size_t group = 0;  // quantized types: inputs that share a scale

  size_t bytes() const { return panel_bytes(element, k, group); }
};

// 16 outputs become one panel; absent outputs become zero. Widening is exact, narrowing rounds to
// nearest even, quantizing is the kernels'. Returns false if a finite weight, or the scale of some,
// became infinite.
bool pack_panel(const KernelTable& kernels, std::span<const SourceRow, kLanes> rows,
                const PanelFormat& format, void* panel);

// A group of neighbouring inputs of 16 outputs, and the numbers that it becomes.
struct QuantizedGroup {
  alignas(64) float w[kMaxGroup * kLanes];  // [i][lane]
  int8_t q[kMaxGroup * kLanes];             // the same; int8: within +-127, int4: 0 to 15
  uint16_t scales[kLanes];                  // f16
  int8_t zeros[kLanes];                     // int4 alone

  // q, scales and zeros of the first n inputs' w.
  void quantize(const KernelTable& kernels, Element element, size_t n);
  // Whether a scale of finite weights is not.
  bool overflowed(size_t n) const;
};

// One quantized panel, filled group by group.
class QuantizedPanel {
 public:
  QuantizedPanel(const PanelFormat& format, void* panel);
  // Group g, of n inputs.
  void put(size_t g, size_t n, const QuantizedGroup& group);

 private:
  PanelFormat format_;
  uint8_t* panel_;
};

// Rows first_row .. first_row + rows - 1 of a packed matrix as they were before, row after row, k
// elements each. Of f32, f16 and bf16 only.
void unpack_rows(const std::byte* panels, const PanelFormat& format, size_t first_row, size_t rows,
                 std::byte* out);

// n stored values to f32, exactly.
void widen(const std::byte* source, Element source_type, size_t n, float* out);

}  // namespace gptj
