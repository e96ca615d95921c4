// SPDX-License-Identifier: Apache-2.0
#include "formats/strided.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace gptj {
namespace {

// One dimension of a copy, with its strides in source and target, in elements.
struct Axis {
  uint64_t extent = 1, in = 0, out = 0;
};
// The axes of a copy. Two axes are copied in blocks: the one along which the source is densest, and
// the last one.
struct Layout {
  std::vector<Axis> outer;
  Axis dense, last;
};

Layout layout_of(std::span<const uint64_t> shape, std::span<const uint64_t> strides) {
  Layout layout;
  uint64_t out = 1;
  for (size_t i = strides.size(); i-- > 0;) {
    const Axis axis{shape[i], strides[i], out};
    out *= axis.extent;
    if (axis.extent > 1) layout.outer.insert(layout.outer.begin(), axis);
  }
  layout.last = layout.outer.back();
  layout.outer.pop_back();
  const auto densest = std::min_element(layout.outer.begin(), layout.outer.end(),
                                        [](const Axis& a, const Axis& b) { return a.in < b.in; });
  if (densest != layout.outer.end()) {
    layout.dense = *densest;
    layout.outer.erase(densest);
  }
  return layout;
}

template <size_t kBytes>
void gather_elements(const std::byte* in, const Layout& layout, std::byte* out) {
  constexpr uint64_t kBlock = 32;
  uint64_t repeats = 1;
  for (const Axis& axis : layout.outer) repeats *= axis.extent;
  for (uint64_t repeat = 0; repeat < repeats; ++repeat) {
    uint64_t rest = repeat, from = 0, to = 0;
    for (size_t i = layout.outer.size(); i-- > 0;) {
      const Axis& axis = layout.outer[i];
      from += rest % axis.extent * axis.in;
      to += rest % axis.extent * axis.out;
      rest /= axis.extent;
    }
    const auto [rows, row_in, row_out] = layout.dense;
    const auto [columns, column_in, column_out] = layout.last;
    for (uint64_t column = 0; column < columns; column += kBlock) {
      const uint64_t column_end = std::min(columns, column + kBlock);
      for (uint64_t row = 0; row < rows; row += kBlock) {
        const uint64_t row_end = std::min(rows, row + kBlock);
        for (uint64_t r = row; r < row_end; ++r) {
          for (uint64_t c = column; c < column_end; ++c) {
            std::memcpy(out + (to + r * row_out + c * column_out) * kBytes,
                        in + (from + r * row_in + c * column_in) * kBytes, kBytes);
          }
        }
      }
    }
  }
}

}  // namespace

bool is_row_major(std::span<const uint64_t> shape, std::span<const uint64_t> strides) {
  uint64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

void gather(const std::byte* in, std::span<const uint64_t> shape, std::span<const uint64_t> strides,
            size_t element_size, std::byte* out) {
  const Layout layout = layout_of(shape, strides);
  switch (element_size) {
    case 1: return gather_elements<1>(in, layout, out);
    case 2: return gather_elements<2>(in, layout, out);
    case 4: return gather_elements<4>(in, layout, out);
    default: return gather_elements<8>(in, layout, out);
  }
}

}  // namespace gptj
