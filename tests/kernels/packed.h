// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>

#include "base/aligned_buffer.h"
#include "base/half.h"
#include "kernels/pack.h"
#include "kernels/sets.h"
#include "support/quant.h"
#include "support/random_floats.h"

namespace gptj::test {

// One output's numbers as a quantized panel holds them.
inline QuantizedOutput read_output(const PanelFormat& format, const std::byte* panels, size_t c) {
  const auto& [element, k, group] = format;
  const auto* head = reinterpret_cast<const uint8_t*>(panels) + c / kLanes * format.bytes();
  const size_t lane = c % kLanes, groups = group_count(k, group);
  QuantizedOutput output;
  for (size_t g = 0; g < groups; ++g) {
    const size_t j = g % kChunkGroups, in_chunk = std::min(kChunkGroups, groups - (g - j));
    if (g > 0 && j == 0) head += chunk_bytes(element, group);
    const auto* scales = reinterpret_cast<const uint16_t*>(head);
    output.scales.push_back(f16_to_f32(scales[j * kLanes + lane]));
    const uint8_t zeros = element == Element::kInt4 ? head[in_chunk * 32 + j * 8 + lane % 8] : 0;
    output.zeros.push_back(static_cast<int8_t>(lane < 8 ? zeros & 15 : zeros >> 4));
    const uint8_t* numbers = head + chunk_head_bytes(element, in_chunk);
    for (size_t i = j * group; i < (j + 1) * group && output.q.size() < k; ++i) {
      if (element == Element::kInt8) {
        output.q.push_back(static_cast<int8_t>(numbers[(i / 4 * kLanes + lane) * 4 + i % 4] - 128));
      } else {
        const uint8_t both = numbers[(i / 8 * kLanes + lane) * 4 + i % 4];
        output.q.push_back(static_cast<int8_t>(i % 8 < 4 ? both & 15 : both >> 4));
      }
    }
  }
  return output;
}

// A random matrix of n outputs by k inputs, packed.
struct Packed {
  size_t n;
  PanelFormat format;
  AlignedBuffer<std::byte> panels;
  std::vector<float> values;  // [n][k]; of f32, f16 and bf16: those that the packed ones stand for

  Packed(size_t n_, const PanelFormat& f, uint64_t seed)
      : Packed(n_, f, random_floats(n_ * f.k, seed)) {}

  Packed(size_t n_, const PanelFormat& f, std::vector<float> weights)
      : n(n_), format(f), panels(padded(n) / kLanes * f.bytes()), values(std::move(weights)) {
    const size_t k = format.k;
    for (size_t p = 0; p < padded(n) / kLanes; ++p) {
      std::vector<SourceRow> rows(kLanes);
      for (size_t lane = 0; lane < kLanes && p * kLanes + lane < n; ++lane) {
        rows[lane].data = reinterpret_cast<const std::byte*>(&values[(p * kLanes + lane) * k]);
      }
      EXPECT_TRUE(pack_panel(select_kernels("portable"), std::span<const SourceRow, kLanes>(rows),
                             format, panels.data() + p * format.bytes()));
    }
    for (float& v : values) {
      if (format.element == Element::kF16) v = f16_to_f32(f32_to_f16(v));
      if (format.element == Element::kBF16) v = bf16_to_f32(f32_to_bf16(v));
    }
  }

  size_t n_panels() const { return padded(n) / kLanes; }
};

// Rows of x in the form that a set's product takes.
class OperandRows {
 public:
  OperandRows(const KernelTable& set, const PanelFormat& format, const std::vector<float>& x,
              size_t x_stride, size_t rows)
      : rows_{x.data(), x_stride} {
    const size_t stride = padded_inputs(format.k) + 64,
                 groups = group_count(format.k, group(format));
    const Operand operand = set.product[format.element].operand;
    if (operand == Operand::kF32) return;
    bytes_.assign(rows * stride, 77);
    halves_.assign(rows * stride, 0x7777);
    scales_.assign(rows * groups, 0);
    sums_.assign(rows * groups, 0);
    for (size_t r = 0; r < rows; ++r) {
      const float* row = &x[r * x_stride];
      if (operand == Operand::kBF16) {
        set.to_bf16(row, format.k, &halves_[r * stride]);
        std::fill_n(&halves_[r * stride + format.k], padded_inputs(format.k) - format.k, 0);
      } else {
        set.quantize_row(row, format.k, format.group, &bytes_[r * stride], &scales_[r * groups],
                         &sums_[r * groups]);
      }
    }
    rows_ = operand == Operand::kBF16
                ? Rows{halves_.data(), stride}
                : Rows{bytes_.data(), stride, scales_.data(), sums_.data(), groups};
  }
  const Rows& rows() const { return rows_; }

 private:
  static size_t group(const PanelFormat& format) { return format.group == 0 ? 64 : format.group; }
  std::vector<int8_t> bytes_;
  std::vector<uint16_t> halves_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
  Rows rows_;
};

// out = x W^T + bias by a set, its panels cut in two calls as two threads would.
inline std::vector<float> product(const KernelTable& set, const Packed& w,
                                  const std::vector<float>& x, size_t x_stride, size_t rows,
                                  const float* bias, size_t out_stride, RowReading reading = {}) {
  const OperandRows operand(set, w.format, x, x_stride, rows);
  AlignedBuffer<float> scratch(kProductScratch);
  std::vector<float> out(rows * out_stride, -77.0f);
  const size_t middle = w.n_panels() / 2;
  for (const auto& [begin, end] : {std::pair{size_t{0}, middle}, std::pair{middle, w.n_panels()}}) {
    set.product[w.format.element].compute({operand.rows(), rows, w.format.k, w.format.group,
                                           reading, w.panels.data(), begin, end, bias, out.data(),
                                           out_stride, scratch.data()});
  }
  return out;
}

}  // namespace gptj::test
