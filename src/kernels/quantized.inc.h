// SPDX-License-Identifier: Apache-2.0
// Products of quantized weights and int8 rows, written once over a set's own exact dots of bytes.
// Include a vec_*.h and a bytes_*.h first. A bytes_*.h defines for each weight type W
//   W::kInputBytes    bytes of one panel per input
//   W::Zero           the zero points of a panel's group, as W::zero(const uint8_t*) loads them
//   W::start(z, sum)  the value at which a dot begins, so that accumulate() leads to the sum of
//                     (q - zero) x
//   W::accumulate     adds the dots of n inputs, a multiple of 32; for a single row, prefetches
//                     weights by `ahead` bytes
//   W::burst          the instructions of kBurstInputs inputs of one lane, on registers
//   W::Unpacked       the form of the weights that products of many rows read: W itself, or the
//                     output of unpack(w, n, out), for which kStored is false
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// The operands of a block. All pointers but `out` stand at the beginning of a chunk.
struct Chunks {
  Element element;
  size_t group;
  const int8_t* x;
  size_t x_stride;
  const float* x_scales;
  const int32_t* x_sums;
  size_t x_groups;      // groups from one row to the next
  const uint8_t* head;  // the head of the first panel's chunk
  size_t panel_stride;  // bytes from one panel's head to the next one's
  size_t inputs;        // a multiple of 32
  float* out;
  size_t out_stride;
  size_t out_panel_stride;
  bool resume;   // false: the sums begin at 0; true: at the values in `out`
  size_t ahead;  // RowReading::ahead
  // The numbers of one unpacked chunk, and the bytes from one panel to the next; null if weights
  // are read as stored.
  const uint8_t* unpacked = nullptr;
  size_t unpacked_stride = 0;
};

// Moves from the beginning of a whole chunk to the beginning of the next chunk.
inline void next_chunk(Chunks& c) {
  c.x += kChunkGroups * c.group;
  c.x_scales += kChunkGroups;
  c.x_sums += kChunkGroups;
  c.head += chunk_bytes(c.element, c.group);
}

// Continues the sums acc over one chunk of n inputs.
template <class W, int R, int P>
inline void chunk_block(const Chunks& c, size_t n, F32x16 (&acc)[R][P]) {
  const size_t groups = (n + c.group - 1) / c.group;
  const uint8_t* zeros = c.head + groups * kLanes * 2;
  const uint8_t* w = W::kStored ? c.head + chunk_head_bytes(c.element, groups) : c.unpacked;
  const size_t w_stride = W::kStored ? c.panel_stride : c.unpacked_stride;
  for (size_t g = 0, begin = 0; g < groups; ++g, begin += c.group) {
    I32x16 dot[R][P];
    GPTJ_UNROLL for (int p = 0; p < P; ++p) {
      const auto zero = W::zero(zeros + static_cast<size_t>(p) * c.panel_stride + g * 8);
      GPTJ_UNROLL for (int r = 0; r < R; ++r) {
        dot[r][p] = W::start(zero, c.x_sums[static_cast<size_t>(r) * c.x_groups + g]);
      }
    }
    W::template accumulate<R, P>(w + begin * W::kInputBytes, w_stride, c.x + begin, c.x_stride,
                                 n - begin < c.group ? n - begin : c.group, c.ahead, dot);
    GPTJ_UNROLL for (int p = 0; p < P; ++p) {
      const auto* scales = reinterpret_cast<const uint16_t*>(
          c.head + static_cast<size_t>(p) * c.panel_stride + g * kLanes * 2);
      const F32x16 sw = load_f16(scales);
      GPTJ_UNROLL for (int r = 0; r < R; ++r) {
        const F32x16 sx = splat(c.x_scales[static_cast<size_t>(r) * c.x_groups + g]);
        acc[r][p] = fma(to_float(dot[r][p]), mul(sx, sw), acc[r][p]);
      }
    }
  }
}

template <class W, int R, int P>
void group_block(const Chunks& all) {
  Chunks c = all;
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
  const size_t chunk = kChunkGroups * c.group;
  for (size_t left = c.inputs;;) {
    const size_t n = left < chunk ? left : chunk;
    chunk_block<W, R, P>(c, n, acc);
    left -= n;
    if (left == 0) break;
    next_chunk(c);
  }
  GPTJ_UNROLL for (int r = 0; r < R; ++r) {
    GPTJ_UNROLL for (int p = 0; p < P; ++p) store(out(r, p), acc[r][p]);
  }
}

template <class W, int R, int P>
inline void group_block_of(int rows, const Chunks& c) {
  if constexpr (R > 1) {
    if (rows < R) return group_block_of<W, R - 1, P>(rows, c);
  }
  group_block<W, R, P>(c);
}

// Computes `rows` rows, cut into blocks of nearly equal height, none above kByteRows.
template <class W, int P>
inline void group_rows(size_t rows, const Chunks& c) {
  const size_t blocks = (rows + kByteRows - 1) / kByteRows;
  for (size_t b = 0; b < blocks; ++b) {
    const size_t begin = rows * b / blocks, end = rows * (b + 1) / blocks;
    Chunks part = c;
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

  // Returns the operands of panels from `p` on, `stride` panels apart, over all inputs.
  Chunks chunks(size_t p, size_t stride) const {
    const Rows& x = product.x;
    return {.element = W::kElement,
            .group = product.group,
            .x = static_cast<const int8_t*>(x.data),
            .x_stride = x.stride,
            .x_scales = x.scales,
            .x_sums = x.sums,
            .x_groups = x.groups,
            .head = static_cast<const uint8_t*>(product.panels) + p * panel,
            .panel_stride = stride * panel,
            .inputs = padded_inputs(product.k),
            .out = product.out + p * kLanes,
            .out_stride = product.out_stride,
            .out_panel_stride = stride * kLanes,
            .resume = false,
            .ahead = product.reading.ahead};
  }

  const Product& product;
  size_t panel;  // bytes
};

// Computes many rows over P panels, chunk by chunk. If the unpacked form differs from the stored
// form, each chunk is unpacked once, then used for all rows.
template <class W, int P>
void blocks_of_panels(const QuantizedMatrix<W>& m, size_t p, size_t stride) {
  using U = typename W::Unpacked;
  Chunks c = m.chunks(p, stride);
  const size_t chunk = kChunkGroups * c.group;
  for (size_t left = c.inputs;;) {
    c.inputs = left < chunk ? left : chunk;
    if constexpr (!U::kStored) {
      constexpr size_t kStride = kChunkGroups * kMaxGroup * U::kInputBytes;
      static_assert(P * kStride <= kProductScratch * sizeof(float));
      auto* unpacked = reinterpret_cast<uint8_t*>(m.product.scratch);
      const size_t head = chunk_head_bytes(c.element, (c.inputs + c.group - 1) / c.group);
      for (size_t j = 0; j < P; ++j) {
        W::unpack(c.head + j * c.panel_stride + head, c.inputs, unpacked + j * kStride);
      }
      c.unpacked = unpacked;
      c.unpacked_stride = kStride;
    }
    group_rows<U, P>(m.product.rows, c);
    left -= c.inputs;
    if (left == 0) break;
    next_chunk(c);
    c.resume = true;
  }
}

// Walks the panels from p on as P streams. Each stream goes through its part of the panels from end
// to end, so that neither the processor's prefetchers nor the dots' own prefetches lose a stream.
// Calls block(panel of the first stream, panels from one stream to the next). Returns the first
// panel left over.
template <int P, class Block>
inline size_t walk(size_t p, size_t last_panel, Block block) {
  const size_t length = (last_panel - p) / P;
  for (size_t i = 0; i < length; ++i) block(p + i, length);
  return p + P * length;
}

template <class W, int P>
size_t panels_of_row(const QuantizedMatrix<W>& m, size_t first) {
  return walk<P>(first, m.product.last_panel,
                 [&](size_t p, size_t stride) { group_block<W, 1, P>(m.chunks(p, stride)); });
}

template <class W, int P>
size_t panels_of_rows(const QuantizedMatrix<W>& m, size_t first) {
  return walk<P>(first, m.product.last_panel, [&](size_t p, size_t stride) {
    if (m.product.rows <= kByteRows) {
      group_rows<W, P>(m.product.rows, m.chunks(p, stride));
    } else {
      blocks_of_panels<W, P>(m, p, stride);
    }
  });
}

template <class W>
void quantized_product(const Product& a) {
  const QuantizedMatrix<W> m(a);
  size_t p = a.first_panel;
  if (a.rows > 1) {
    p = a.rows == 2 ? panels_of_rows<W, kBytePanelsOfTwoRows>(m, p)
                    : panels_of_rows<W, kBytePanels>(m, p);
    panels_of_rows<W, 1>(m, p);
  } else {
    if (a.reading.streams == 4) p = panels_of_row<W, 4>(m, p);
    if (a.reading.streams >= 3) p = panels_of_row<W, 3>(m, p);
    if (a.reading.streams >= 2) p = panels_of_row<W, 2>(m, p);
    panels_of_row<W, 1>(m, p);
  }
  add_bias(a);
}

// Does the instructions of W's dots on registers alone. Returns the operations done.
template <class W>
uint64_t byte_burst(uint64_t steps) {
  I32x16 acc[kBurstChains];
  for (int i = 0; i < kBurstChains; ++i) acc[i] = splat_integer(i);
  Bytes w = splat_integer(0x01020304);
  const Bytes x = splat_integer(0x0403fd01);
  for (uint64_t s = 0; s < steps; ++s) {
    GPTJ_UNROLL for (int i = 0; i < kBurstChains; ++i) acc[i] = W::burst(acc[i], w, x);
  }
  F32x16 total = splat(0.0f);
  for (int i = 0; i < kBurstChains; ++i) total = add(total, to_float(acc[i]));
  // The comparison keeps the compiler from dropping the work; the sum is never that.
  return sum(total) == 0.3f ? 0 : steps * kBurstChains * W::kBurstInputs * kLanes * 2;
}

}  // namespace
}  // namespace gptj::GPTJ_ISA

// The product of one quantized type, Int8 or Int4.
#define GPTJ_QUANTIZED_PRODUCT(isa_name, stored)                                          \
  {                                                                                       \
    .compute = &GPTJ_ISA::quantized_product<GPTJ_ISA::stored>, .operand = Operand::kInt8, \
    .isa = isa_name, .burst = &GPTJ_ISA::byte_burst<GPTJ_ISA::stored::Unpacked>           \
  }
