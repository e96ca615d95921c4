// SPDX-License-Identifier: Apache-2.0
// Packing of weights into panels (kernels.h has the layout), done once, while loading.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/kernels.h"

namespace gptj {

// The k stored weights of one output, little-endian at any alignment. If `data` is null, the output
// is absent.
struct SourceRow {
  const std::byte* data = nullptr;
  Element type = Element::kF32;
};

// The format of a panel.
struct PanelFormat {
  Element element = Element::kF32;
  size_t k = 0;
  size_t group = 0;  // quantized types: inputs that share a scale

  size_t bytes() const { return panel_bytes(element, k, group); }
};

// Packs 16 outputs into one panel. Absent outputs become zero. Widening is exact, narrowing rounds
// to nearest even, and the kernels quantize. Returns false if a finite weight, or the scale of
// finite weights, became infinite.
bool pack_panel(const KernelTable& kernels, std::span<const SourceRow, kLanes> rows,
                const PanelFormat& format, void* panel);

// A group of neighbouring inputs of 16 outputs, and the numbers that they are quantized to.
struct QuantizedGroup {
  alignas(64) float w[kMaxGroup * kLanes];  // [i][lane]
  int8_t q[kMaxGroup * kLanes];             // [i][lane]; int8: within +-127, int4: 0 to 15
  uint16_t scales[kLanes];                  // f16
  int8_t zeros[kLanes];                     // int4 alone

  // Computes q, scales and zeros from the w of the first n inputs.
  void quantize(const KernelTable& kernels, Element element, size_t n);
  // Returns true if an output has a scale that is not finite, although all its weights are.
  bool overflowed(size_t n) const;
};

// One quantized panel, filled group by group.
class QuantizedPanel {
 public:
  QuantizedPanel(const PanelFormat& format, void* panel);
  // Writes group number g, which has n inputs, into the panel.
  void put(size_t g, size_t n, const QuantizedGroup& group);

 private:
  PanelFormat format_;
  uint8_t* panel_;
};

// Writes rows first_row .. first_row + rows - 1 of a packed matrix to `out` as they were before
// packing: row after row, k elements each. REQUIRES: the element type is f32, f16 or bf16.
void unpack_rows(const std::byte* panels, const PanelFormat& format, size_t first_row, size_t rows,
                 std::byte* out);

// Converts n stored values to f32, exactly.
void widen(const std::byte* source, Element source_type, size_t n, float* out);

}  // namespace gptj
