// SPDX-License-Identifier: Apache-2.0
// Products of quantized weights and int8 rows, written once over a set's own exact dots of bytes.
// Include a vec_*.h and a bytes_*.h first: the latter define for each weight type W
//   W::kInputBytes    bytes of one panel per input
//   W::Zero           the zero points of a panel's group, as W::zero(const uint8_t*) loads them
//   W::start(z, sum)  where a dot begins, so that accumulate() leads to the sum of (q - zero) x
//   W::accumulate     adds the dots of n inputs, a multiple of 32
//   W::Unpacked       the same weights as many rows want them; where W::kUnpacks, unpack(w, n, out)
//                     makes them
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// The operands of a block over neighbouring groups, the first of them at group 0.
struct Groups {
  const int8_t* x;
  size_t x_stride;
  const float* x_scales;
  const int32_t* x_sums;
  size_t x_groups;  // from one row to the next
  const uint8_t* w;
  size_t w_stride;        // bytes from one panel's weights to the next one's
  const uint8_t* scales;  // of the first panel's group 0
  const uint8_t* zeros;   // the same
  size_t panel_stride;    // bytes from one panel's scales and zeros to the next one's
  size_t inputs;          // a multiple of 32
  size_t group;
  float* out;
  size_t out_stride;
  bool resume;  // false: the sums begin at 0; true: at what `out` holds
  size_t out_panel_stride = kLanes;
};

template <class W, int R, int P>
void group_block(const Groups& c) {
  F32x16 acc[R][P];
  const auto out = [&](int r, int p) {
    return c.out + static_cast<size_t>(r) * c.out_stride +
           static_cast<size_t>(p) * c.out_panel_stride;
  };
  GPTJ_UNROLL for (int r = 0; r < R; ++r) {
    GPTJ_UNROLL for (int p = 0; p < P; ++p) {
      acc[r][p] = c.resume ? load(out(r, p)) : splat(0.0f);
    }
  }
  for (size_t begin = 0, g = 0; begin < c.inputs; begin += c.group, ++g) {
    const size_t n = c.inputs - begin < c.group ? c.inputs - begin : c.group;
    I32x16 dot[R][P];
    GPTJ_UNROLL for (int p = 0; p < P; ++p) {
      const auto zero = W::zero(c.zeros + static_cast<size_t>(p) * c.panel_stride + g * 8);
      GPTJ_UNROLL for (int r = 0; r < R; ++r) {
        dot[r][p] = W::start(zero, c.x_sums[static_cast<size_t>(r) * c.x_groups + g]);
      }
    }
    W::template accumulate<R, P>(c.w + begin * W::kInputBytes, c.w_stride, c.x + begin, c.x_stride,
                                 n, dot);
    GPTJ_UNROLL for (int p = 0; p < P; ++p) {
      const auto* scales = reinterpret_cast<const uint16_t*>(
          c.scales + static_cast<size_t>(p) * c.panel_stride + g * kLanes * 2);
      const F32x16 sw = load_f16(scales);
      GPTJ_UNROLL for (int r = 0; r < R; ++r) {
        const F32x16 sx = splat(c.x_scales[static_cast<size_t>(r) * c.x_groups + g]);
        acc[r][p] = fma(to_float(dot[r][p]), mul(sx, sw), acc[r][p]);
      }
    }
  }
  GPTJ_UNROLL for (int r = 0; r < R; ++r) {
    GPTJ_UNROLL for (int p = 0; p < P; ++p) store(out(r, p), acc[r][p]);
  }
}

template <class W, int R, int P>
inline void group_block_of(int rows, const Groups& c) {
  if constexpr (R > 1) {
    if (rows < R) return group_block_of<W, R - 1, P>(rows, c);
  }
  group_block<W, R, P>(c);
}

// `rows` rows cut into blocks of nearly equal height, none above kByteRows.
template <class W, int P>
inline void group_rows(size_t rows, const Groups& c) {
  const size_t blocks = (rows + kByteRows - 1) / kByteRows;
  for (size_t b = 0; b < blocks; ++b) {
    const size_t begin = rows * b / blocks, end = rows * (b + 1) / blocks;
    Groups part = c;
    part.x += begin * c.x_stride;
    part.x_scales += begin * c.x_groups;
    part.x_sums += begin * c.x_groups;
    part.out += begin * c.out_stride;
    group_block_of<W, kByteRows, P>(static_cast<int>(end - begin), part);
  }
}

template <class W>
struct QuantizedMatrix {
  explicit QuantizedMatrix(const Product& a)
      : product(a), panel(panel_bytes(W::kElement, a.k, a.group)) {}

  // Panels from `p` on, `stride` panels apart, over all inputs.
  Groups groups(size_t p, size_t stride) const {
    const Rows& x = product.x;
    const auto* w = static_cast<const uint8_t*>(product.panels) + p * panel;
    return {.x = static_cast<const int8_t*>(x.data),
            .x_stride = x.stride,
            .x_scales = x.scales,
            .x_sums = x.sums,
            .x_groups = x.groups,
            .w = w,
            .w_stride = stride * panel,
            .scales = w + scales_offset(W::kElement, product.k),
            .zeros = w + zeros_offset(W::kElement, product.k, product.group),
            .panel_stride = stride * panel,
            .inputs = padded_inputs(product.k),
            .group = product.group,
            .out = product.out + p * kLanes,
            .out_stride = product.out_stride,
            .resume = false,
            .out_panel_stride = stride * kLanes};
  }

  const Product& product;
  size_t panel;  // bytes
};

constexpr size_t kByteBlock = 1024;  // inputs unpacked at a time, a multiple of every group

// For many rows: a block of P panels is unpacked once, if need be, then used for all.
template <class W, int P>
void blocks_of_panels(const QuantizedMatrix<W>& m, size_t p) {
  using U = typename W::Unpacked;
  const Groups all = m.groups(p, 1);
  for (size_t begin = 0; begin < all.inputs; begin += kByteBlock) {
    Groups c = all;
    const size_t g = begin / all.group;
    c.inputs = all.inputs - begin < kByteBlock ? all.inputs - begin : kByteBlock;
    c.x += begin;
    c.x_scales += g;
    c.x_sums += g;
    c.w += begin * W::kInputBytes;
    c.scales += g * kLanes * 2;
    c.zeros += g * 8;
    c.resume = begin > 0;
    if constexpr (W::kUnpacks) {
      constexpr size_t kStride = kByteBlock * U::kInputBytes;
      static_assert(P * kStride <= kProductScratch * sizeof(float));
      auto* unpacked = reinterpret_cast<uint8_t*>(m.product.scratch);
      for (size_t j = 0; j < P; ++j) {
        W::unpack(c.w + j * c.w_stride, c.inputs, unpacked + j * kStride);
      }
      c.w = unpacked;
      c.w_stride = kStride;
    }
    group_rows<U, P>(m.product.rows, c);
  }
}

template <class W>
void quantized_product(const Product& a) {
  const QuantizedMatrix<W> m(a);
  size_t p = a.first_panel;
  if (a.rows == 1) {
    // As product_of_row: streams that never break off.
    const size_t stream = (a.last_panel - p) / kByteRowPanels, end = p + stream;
    for (; p < end; ++p) group_block<W, 1, kByteRowPanels>(m.groups(p, stream));
    p += (kByteRowPanels - 1) * stream;
    for (; p < a.last_panel; ++p) group_block<W, 1, 1>(m.groups(p, 1));
  } else if (a.rows <= kByteRows) {
    for (; p + kBytePanels <= a.last_panel; p += kBytePanels) {
      group_rows<W, kBytePanels>(a.rows, m.groups(p, 1));
    }
    for (; p < a.last_panel; ++p) group_rows<W, 1>(a.rows, m.groups(p, 1));
  } else {
    for (; p + kBytePanels <= a.last_panel; p += kBytePanels)
      blocks_of_panels<W, kBytePanels>(m, p);
    for (; p < a.last_panel; ++p) blocks_of_panels<W, 1>(m, p);
  }
  add_bias(a);
}

// The dots of a block of rows whose operands stay in the first-level cache.
template <class W>
uint64_t byte_burst(uint64_t steps) {
  constexpr size_t kInputs = 128;
  alignas(64) uint8_t w[kBytePanels * kInputs * W::kInputBytes];
  alignas(64) int8_t x[kByteRows * kInputs];
  for (size_t i = 0; i < sizeof w; ++i) w[i] = static_cast<uint8_t>(i % 16);
  for (size_t i = 0; i < sizeof x; ++i) x[i] = static_cast<int8_t>(i % 7);
  F32x16 total = splat(0.0f);
  const uint64_t rounds = steps * 4 / kInputs;
  for (uint64_t s = 0; s < rounds; ++s) {
    I32x16 acc[kByteRows][kBytePanels];
    GPTJ_UNROLL for (int r = 0; r < kByteRows; ++r) {
      GPTJ_UNROLL for (int p = 0; p < kBytePanels; ++p) acc[r][p] = W::start(W::zero(w), 0);
    }
    W::template accumulate<kByteRows, kBytePanels>(w, kInputs * W::kInputBytes, x, kInputs, kInputs,
                                                   acc);
    GPTJ_UNROLL for (int r = 0; r < kByteRows; ++r) {
      GPTJ_UNROLL for (int p = 0; p < kBytePanels; ++p) total = add(total, to_float(acc[r][p]));
    }
    x[s % sizeof x] = static_cast<int8_t>(s % 5);  // nothing can be computed once for all rounds
  }
  return sum(total) == 1e30f ? 0 : rounds * kInputs * kByteRows * kBytePanels * kLanes * 2;
}

}  // namespace
}  // namespace gptj::GPTJ_ISA

// In the order of Element.
#define GPTJ_QUANTIZED_PRODUCTS(isa_name)                                   \
  {&GPTJ_ISA::quantized_product<GPTJ_ISA::Int8>, Operand::kInt8, isa_name,  \
   &GPTJ_ISA::byte_burst<GPTJ_ISA::Int8>},                                  \
  {                                                                         \
    &GPTJ_ISA::quantized_product<GPTJ_ISA::Int4>, Operand::kInt8, isa_name, \
        &GPTJ_ISA::byte_burst<GPTJ_ISA::Int4::Unpacked>                     \
  }
