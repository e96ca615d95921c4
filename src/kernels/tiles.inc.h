// SPDX-License-Identifier: Apache-2.0
// Products of bf16, int8 and int4 weights by tile registers. Include vec_avx512.h and a tiles_*.h
// first.
//
// Weights are taken in pieces: some inputs of two panels. A piece is copied once, in the order that
// tiles take. The piece is then multiplied with all rows, 32 at a time, while the next piece comes
// from memory. An element is summed over the same tiles in the same order for every number of rows.
#pragma once

#include "kernels/tile_weights.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// The dots of some rows of activations with a group of P panels, and the result they are added to:
//   out[r][p] = fma(float(dot[r][p]), sx[r] * sw[p], resume ? out[r][p] : 0)
struct Dots {
  const int32_t (*dots)[kPiecePanels][kLanes] = nullptr;
  const float* x_scales = nullptr;
  size_t x_groups = 0;  // from one row's scale to the next one's
  const float (*w_scales)[kLanes] = nullptr;
  float* out = nullptr;
  size_t out_stride = 0;
  bool resume = false;
  size_t rows = 0;
  size_t scaled = 0;  // rows that are done
};

// Scales the dots of the rows before `end` that are not yet done, and adds them to `out`.
template <int P>
inline void scale(Dots& d, size_t end) {
  if (d.scaled >= end) return;
  const size_t x_groups = d.x_groups, out_stride = d.out_stride;
  const bool resume = d.resume;
  const float* sx = d.x_scales + d.scaled * x_groups;
  float* out = d.out + d.scaled * out_stride;
  F32x16 sw[P];
  GPTJ_UNROLL for (size_t p = 0; p < P; ++p) sw[p] = load(d.w_scales[p]);
  for (size_t r = d.scaled; r < end; ++r, sx += x_groups, out += out_stride) {
    GPTJ_UNROLL for (size_t p = 0; p < P; ++p) {
      const F32x16 acc = resume ? load(out + p * kLanes) : splat(0.0f);
      const I32x16 dot = _mm512_loadu_si512(d.dots[r][p]);
      store(out + p * kLanes, fma(to_float(dot), mul(splat(*sx), sw[p]), acc));
    }
  }
  d.scaled = end;
}

// The piece at work. Its weights are copied to the scratch, and the next piece is prefetched.
template <class W>
class PieceAtWork {
 public:
  PieceAtWork(const Product& a, const W& w, const Piece& piece, const Piece& next)
      : product_(a),
        w_(w),
        piece_(piece),
        scratch_(*reinterpret_cast<TileScratch*>(a.scratch)),
        ahead_(w.at(next.panel, next.begin), w.at(next.panel + next.panels - 1, next.begin),
               w.bytes(next.inputs), copied_tiles() + row_blocks() * steps(piece.inputs)) {
    for (size_t p = 0; p < piece.panels; ++p) {
      w.copy(piece.panel + p, piece.begin, piece.inputs, scratch_.weights[p], ahead_);
    }
  }

  // Computes out += x w over this piece's inputs, one block of rows after the other. In the
  // first piece of a panel, the sums begin at 0.
  void multiply_floats(TileShapes& shapes) {
    for_each_block(shapes, [&](size_t first, size_t rows) {
      float* out = results(first);
      with_tiles(rows, piece_.panels, [&]<int R, int P>() {
        using Tiles = Results<R, P>;
        if (resumed()) {
          Tiles::load(out, product_.out_stride);
        } else {
          Tiles::zero();
        }
        multiply<R, P>(first, 0, piece_.inputs, [] {});
        Tiles::store(out, product_.out_stride);
      });
    });
  }

  // Computes this piece's part of `out`, group by group. While the tiles multiply one group, the
  // dots of the group before are scaled: half of them between two steps, the rest after the results
  // are stored. The processor then always sees tile products among the next few hundred
  // instructions.
  void multiply_groups(TileShapes& shapes) {
    const size_t groups = w_.groups(piece_.inputs);
    for (size_t g = 0; g < groups; ++g) widen_scales(g);
    Dots before;
    size_t turn = 0;
    for_each_block(shapes, [&](size_t first, size_t rows) {
      for (size_t g = 0; g < groups; ++g, turn ^= 1) {
        const size_t begin = g * w_.group, left = piece_.inputs - begin;
        with_tiles(rows, piece_.panels, [&]<int R, int P>() {
          Results<R, P>::zero();
          multiply<R, P>(first, begin, left < w_.group ? left : w_.group,
                         [&] { scale<P>(before, before.rows / 2); });
          Results<R, P>::store(scratch_.dots[turn], kPiecePanels * kLanes);
          scale<P>(before, before.rows);
        });
        before = dots(turn, first, rows, g);
      }
    });
    with_tiles(before.rows, piece_.panels, [&]<int R, int P>() { scale<P>(before, before.rows); });
  }

 private:
  void widen_scales(size_t g) {
    for (size_t p = 0; p < piece_.panels; ++p) {
      const uint8_t* head = w_.at(piece_.panel + p, piece_.begin);
      store(scratch_.w_scales[g][p],
            load_f16(reinterpret_cast<const uint16_t*>(head) + g * kLanes));
    }
  }
  Dots dots(size_t turn, size_t first, size_t rows, size_t g) const {
    const Rows& x = product_.x;
    return {.dots = scratch_.dots[turn],
            .x_scales = x.scales + first * x.groups + piece_.begin / w_.group + g,
            .x_groups = x.groups,
            .w_scales = scratch_.w_scales[g],
            .out = results(first),
            .out_stride = product_.out_stride,
            .resume = resumed() || g > 0,
            .rows = rows};
  }

  size_t copied_tiles() const {
    return round_up(piece_.inputs * W::kInputBytes * kLanes, kTileBytes) / kTileBytes *
           piece_.panels;
  }
  size_t steps(size_t inputs) const { return inputs * W::kInputBytes / w_.row_bytes; }
  size_t row_blocks() const { return (product_.rows + kPieceRows - 1) / kPieceRows; }
  bool resumed() const { return piece_.begin > 0; }
  float* results(size_t row) const {
    return product_.out + row * product_.out_stride + piece_.panel * kLanes;
  }

  template <class Function>
  void for_each_block(TileShapes& shapes, const Function& f) const {
    for (size_t first = 0; first < product_.rows; first += kPieceRows) {
      const size_t left = product_.rows - first, rows = left < kPieceRows ? left : kPieceRows;
      shapes.set_rows(rows);
      f(first, rows);
    }
  }

  // Multiplies inputs begin .. begin + n - 1 of the piece with the rows from `first` on. Calls
  // `between` between two steps.
  template <int R, int P, class Between>
  void multiply(size_t first, size_t begin, size_t n, const Between& between) {
    const size_t stride = product_.x.stride * W::kInputBytes, row_bytes = w_.row_bytes;
    const uint8_t* x = static_cast<const uint8_t*>(product_.x.data) + first * stride +
                       (piece_.begin + begin) * W::kInputBytes;
    const uint8_t* w = scratch_.weights[0] + begin * W::kInputBytes * kLanes;
    for (size_t left = steps(n);; x += row_bytes, w += row_bytes * kLanes) {
      Results<R, P>::template multiply<W>(x, stride, w);
      ahead_.step();
      if (--left == 0) break;
      between();
    }
  }

  const Product& product_;
  const W& w_;
  const Piece piece_;
  TileScratch& scratch_;
  ReadAhead ahead_;
};

template <class W, class Multiply>
inline void for_each_piece(const Product& a, const Multiply& multiply) {
  const W w(a);
  TileShapes shapes(w.row_bytes);
  for (Pieces pieces(a, w.inputs, w.step); !pieces.done();) {
    const Piece piece = *pieces;
    ++pieces;
    PieceAtWork<W> work(a, w, piece, pieces.done() ? piece : *pieces);
    multiply(work, shapes);
  }
  release_tiles();
  add_bias(a);
}

void bf16_by_tiles(const Product& a) {
  for_each_piece<Bf16Tiles>(a,
                            [](auto& work, TileShapes& shapes) { work.multiply_floats(shapes); });
}

// The most rows that AVX-512 multiplies as fast as memory delivers the weights.
constexpr size_t kFewRows = 6;

template <class W, const KernelTable& few_rows>
void quantized_by_tiles(const Product& a) {
  if (a.rows <= kFewRows) return few_rows.product[W::kElement].compute(a);
  for_each_piece<W>(a, [](auto& work, TileShapes& shapes) { work.multiply_groups(shapes); });
}

// Does the tiles' multiplications on registers alone. Returns the operations done.
template <class W>
uint64_t tile_burst(uint64_t steps) {
  alignas(64) uint8_t ones[kTileBytes];
  for (uint8_t& byte : ones) byte = 1;
  TileShapes shapes(kTileRowBytes);
  shapes.set_rows(kPieceRows);
  load_tile<kRows0>(ones, kTileRowBytes);
  load_tile<kRows1>(ones, kTileRowBytes);
  load_tile<kWeights0>(ones, kTileRowBytes);
  load_tile<kWeights1>(ones, kTileRowBytes);
  for (uint64_t s = 0; s < steps; ++s) {
    W::template multiply<0, kRows0, kWeights0>();
    W::template multiply<1, kRows0, kWeights1>();
    W::template multiply<2, kRows1, kWeights0>();
    W::template multiply<3, kRows1, kWeights1>();
  }
  release_tiles();
  return steps * 4 * kTileRows * kTileBytes / W::kInputBytes * 2;
}

}  // namespace
}  // namespace gptj::GPTJ_ISA

// Products by tiles. `few_rows` is the table of the set below.
#define GPTJ_TILE_PRODUCTS(isa_name, few_rows)                                        \
  {                                                                                   \
    .bf16 = {.compute = &GPTJ_ISA::bf16_by_tiles,                                     \
             .operand = Operand::kBF16,                                               \
             .isa = isa_name,                                                         \
             .burst = &GPTJ_ISA::tile_burst<GPTJ_ISA::Bf16Tiles>},                    \
    .int8 = {.compute = &GPTJ_ISA::quantized_by_tiles<GPTJ_ISA::Int8Tiles, few_rows>, \
             .operand = Operand::kInt8,                                               \
             .isa = isa_name,                                                         \
             .burst = &GPTJ_ISA::tile_burst<GPTJ_ISA::Int8Tiles>},                    \
    .int4 = {                                                                         \
      .compute = &GPTJ_ISA::quantized_by_tiles<GPTJ_ISA::Int4Tiles, few_rows>,        \
      .operand = Operand::kInt8,                                                      \
      .isa = isa_name,                                                                \
      .burst = &GPTJ_ISA::tile_burst<GPTJ_ISA::Int4Tiles>                             \
    }                                                                                 \
  }
