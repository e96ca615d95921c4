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

// Returns the index of input i of a lane in its panel.
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
    default: return f.template operator()<Element::kF32>();
  }
}

// Packs inputs begin .. end - 1 of one output. Returns false if a finite weight became infinite.
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
  std::memset(panel, 0, panel_bytes(To, k, 0));
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

// Widens inputs begin .. begin + n - 1 of all outputs into group.w.
void gather(std::span<const SourceRow, kLanes> rows, size_t begin, size_t n,
            QuantizedGroup& group) {
  float row[kMaxGroup];
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const auto& [data, type] = rows[lane];
    if (data == nullptr) {
      std::fill_n(row, n, 0.0f);
    } else {
      widen(data + begin * element_size(type), type, n, row);
    }
    for (size_t i = 0; i < n; ++i) group.w[i * kLanes + lane] = row[i];
  }
}

// Writes the numbers of n inputs, the first of which is input i of its chunk. REQUIRES: the numbers
// of the chunk that are not yet written are zero.
void put_numbers(Element element, size_t i, size_t n, const int8_t* q, uint8_t* numbers) {
  for (size_t end = i + n; i < end; ++i) {
    uint8_t* target = element == Element::kInt8 ? numbers + i / 4 * kLanes * 4 + i % 4
                                                : numbers + i / 8 * kLanes * 4 + i % 4;
    for (size_t lane = 0; lane < kLanes; ++lane, target += 4, ++q) {
      if (element == Element::kInt8) {
        *target = static_cast<uint8_t>(*q + 128);
      } else {
        *target = static_cast<uint8_t>(*target | (i % 8 < 4 ? *q : *q << 4));
      }
    }
  }
}

bool pack_quantized(const KernelTable& kernels, std::span<const SourceRow, kLanes> rows,
                    const PanelFormat& format, void* panel) {
  QuantizedPanel out(format, panel);
  QuantizedGroup group;
  bool in_range = true;
  for (size_t g = 0; g * format.group < format.k; ++g) {
    const size_t begin = g * format.group, n = std::min(format.group, format.k - begin);
    gather(rows, begin, n, group);
    group.quantize(kernels, format.element, n);
    in_range = in_range && !group.overflowed(n);
    out.put(g, n, group);
  }
  return in_range;
}

}  // namespace

void QuantizedGroup::quantize(const KernelTable& kernels, Element element, size_t n) {
  if (element == Element::kInt8) {
    kernels.quantize_int8(w, n, q, scales);
  } else {
    kernels.quantize_int4(w, n, q, scales, zeros);
  }
}

bool QuantizedGroup::overflowed(size_t n) const {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    if (std::isfinite(f16_to_f32(scales[lane]))) continue;
    bool finite = true;
    for (size_t i = 0; i < n; ++i) finite = finite && std::isfinite(w[i * kLanes + lane]);
    if (finite) return true;
  }
  return false;
}

QuantizedPanel::QuantizedPanel(const PanelFormat& format, void* panel)
    : format_(format), panel_(static_cast<uint8_t*>(panel)) {
  std::memset(panel, 0, format.bytes());
}

void QuantizedPanel::put(size_t g, size_t n, const QuantizedGroup& group) {
  const Element element = format_.element;
  const size_t chunk = g / kChunkGroups, j = g % kChunkGroups;
  const size_t in_chunk =
      std::min(kChunkGroups, group_count(format_.k, format_.group) - chunk * kChunkGroups);
  uint8_t* head = panel_ + chunk * chunk_bytes(element, format_.group);
  std::memcpy(head + j * kLanes * 2, group.scales, sizeof group.scales);
  if (element == Element::kInt4) {
    uint8_t* zeros = head + in_chunk * kLanes * 2 + j * 8;
    for (size_t lane = 0; lane < 8; ++lane) {
      zeros[lane] = static_cast<uint8_t>(group.zeros[lane] | group.zeros[lane + 8] << 4);
    }
  }
  put_numbers(element, j * format_.group, n, group.q, head + chunk_head_bytes(element, in_chunk));
}

bool pack_panel(const KernelTable& kernels, std::span<const SourceRow, kLanes> rows,
                const PanelFormat& format, void* panel) {
  if (is_quantized(format.element)) return pack_quantized(kernels, rows, format, panel);
  return with_element(format.element,
                      [&]<Element To>() { return pack<To>(rows, format.k, panel); });
}

void unpack_rows(const std::byte* panels, const PanelFormat& format, size_t first_row, size_t rows,
                 std::byte* out) {
  const size_t size = element_size(format.element);
  with_element(format.element, [&]<Element E>() {
    for (size_t r = first_row; r < first_row + rows; ++r) {
      const std::byte* panel = panels + r / kLanes * format.bytes();
      for (size_t i = 0; i < format.k; ++i, out += size) {
        std::memcpy(out, panel + panel_index<E>(i, r % kLanes) * size, size);
      }
    }
  });
}

void widen(const std::byte* source, Element source_type, size_t n, float* out) {
  with_element(source_type, [&]<Element From>() {
    for (size_t i = 0; i < n; ++i) out[i] = to_float<From>(read<From>(source, i));
  });
}

}  // namespace gptj
