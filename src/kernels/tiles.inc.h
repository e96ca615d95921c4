// SPDX-License-Identifier: Apache-2.0
// Products of bf16, int8 and int4 weights by tile registers. Include vec_avx512.h and a tiles_*.h
// first.
//
// Weights are taken in pieces: some inputs of two panels. A piece is copied once, in the order that
// tiles take. The piece is then multiplied with all rows, 32 at a time, while the next piece comes
// from memory. An element is summed over the same tiles in the same order for every number of rows.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

constexpr size_t kTileRows = 16, kTileRowBytes = 64, kTileBytes = kTileRows * kTileRowBytes;
constexpr size_t kPieceRows = 2 * kTileRows, kPiecePanels = 2;
// Bytes of one panel's part of a piece. The parts of two panels leave room in the first-level cache
// for the results of groups.
constexpr size_t kPieceBytes = 16384;
// Panels that are walked through before the next inputs of the same panels. Their results, and the
// rows' inputs of a piece, stay in the second-level cache.
constexpr size_t kColumnPanels = 16;

// The contents of one thread's scratch.
struct TileScratch {
  uint8_t weights[kPiecePanels][kPieceBytes];
  float w_scales[kChunkGroups][kPiecePanels][kLanes];
  int32_t dots[2][kPieceRows][kPiecePanels][kLanes];
};
static_assert(sizeof(TileScratch) <= kProductScratch * sizeof(float));

// The numbers of the tiles. Tiles 0 to 3 hold results: tile 2 r + p those of row tile r and panel
// p. The other tiles hold rows and weights.
constexpr int kRows0 = 4, kRows1 = 5, kWeights0 = 6, kWeights1 = 7;

// The shapes of this thread's tiles, until release_tiles().
class TileShapes {
 public:
  explicit TileShapes(size_t row_bytes) : row_bytes_(row_bytes) {}

  // Sets the shapes for 1 to 32 rows of activations, of row_bytes each.
  void set_rows(size_t rows) {
    if (rows == rows_) return;
    rows_ = rows;
    alignas(64) uint8_t shapes[64] = {1};  // the only palette there is
    const auto shape = [&](int tile, size_t tile_rows, size_t tile_row_bytes) {
      shapes[16 + 2 * tile] = static_cast<uint8_t>(tile_row_bytes);
      shapes[48 + tile] = static_cast<uint8_t>(tile_rows);
    };
    const size_t rows0 = rows < kTileRows ? rows : kTileRows, rows1 = rows - rows0;
    for (int p = 0; p < 2; ++p) {
      shape(p, rows0, kTileRowBytes);
      shape(kWeights0 + p, row_bytes_ / 4, kTileRowBytes);
      if (rows1 > 0) shape(2 + p, rows1, kTileRowBytes);
    }
    shape(kRows0, rows0, row_bytes_);
    if (rows1 > 0) shape(kRows1, rows1, row_bytes_);
    configure_tiles(shapes);
  }

 private:
  size_t row_bytes_, rows_ = 0;
};

// The operations on R x P tiles of results at once: R tiles of rows, P panels.
template <int R, int P>
struct Results {
  static void zero() {
    zero_tile<0>();
    if constexpr (P == 2) zero_tile<1>();
    if constexpr (R == 2) zero_tile<2>();
    if constexpr (R == 2 && P == 2) zero_tile<3>();
  }
  // load() and store() take 32-bit numbers, `stride` numbers from one row to the next.
  static void load(const void* p, size_t stride) {
    const auto* at = static_cast<const uint8_t*>(p);
    const size_t bytes = stride * 4, second = kTileRows * bytes;
    load_tile<0>(at, bytes);
    if constexpr (P == 2) load_tile<1>(at + kTileRowBytes, bytes);
    if constexpr (R == 2) load_tile<2>(at + second, bytes);
    if constexpr (R == 2 && P == 2) load_tile<3>(at + second + kTileRowBytes, bytes);
  }
  static void store(void* p, size_t stride) {
    auto* at = static_cast<uint8_t*>(p);
    const size_t bytes = stride * 4, second = kTileRows * bytes;
    store_tile<0>(at, bytes);
    if constexpr (P == 2) store_tile<1>(at + kTileRowBytes, bytes);
    if constexpr (R == 2) store_tile<2>(at + second, bytes);
    if constexpr (R == 2 && P == 2) store_tile<3>(at + second + kTileRowBytes, bytes);
  }
  // Adds the products of one step: one tile row of bytes from each row of x. The rows stand
  // x_stride bytes apart.
  template <class W>
  static void multiply(const uint8_t* x, size_t x_stride, const uint8_t* w) {
    load_tile_once<kRows0>(x, x_stride);
    load_tile<kWeights0>(w, kTileRowBytes);
    W::template multiply<0, kRows0, kWeights0>();
    if constexpr (P == 2) {
      load_tile<kWeights1>(w + kPieceBytes, kTileRowBytes);
      W::template multiply<1, kRows0, kWeights1>();
    }
    if constexpr (R == 2) {
      load_tile_once<kRows1>(x + kTileRows * x_stride, x_stride);
      W::template multiply<2, kRows1, kWeights0>();
    }
    if constexpr (R == 2 && P == 2) W::template multiply<3, kRows1, kWeights1>();
  }
};

// Calls f<R, P>() with the tiles of rows and the panels that `rows` and `panels` fill.
template <class Function>
inline void with_tiles(size_t rows, size_t panels, const Function& f) {
  const bool two_tiles = rows > kTileRows;
  if (two_tiles && panels == 2) return f.template operator()<2, 2>();
  if (two_tiles) return f.template operator()<2, 1>();
  if (panels == 2) return f.template operator()<1, 2>();
  f.template operator()<1, 1>();
}

// One or two panels from `panel` on, and their inputs from `begin` on.
struct Piece {
  size_t panel, panels;
  size_t begin, inputs;
};

// The pieces of a product, in the order in which they are multiplied.
class Pieces {
 public:
  // Cuts the product's `inputs` inputs into pieces of `step` inputs.
  Pieces(const Product& a, size_t inputs, size_t step)
      : last_panel_(a.last_panel),
        inputs_(inputs),
        step_(step),
        columns_(a.first_panel),
        panel_(a.first_panel) {}
  bool done() const { return columns_ >= last_panel_; }
  Piece operator*() const {
    const size_t panels = columns_end() - panel_, inputs = inputs_ - begin_;
    return {panel_, panels < kPiecePanels ? panels : kPiecePanels, begin_,
            inputs < step_ ? inputs : step_};
  }
  void operator++() {
    panel_ += kPiecePanels;
    if (panel_ < columns_end()) return;
    begin_ += step_;
    if (begin_ >= inputs_) {
      begin_ = 0;
      columns_ = columns_end();
    }
    panel_ = columns_;
  }

 private:
  size_t columns_end() const {
    return columns_ + kColumnPanels < last_panel_ ? columns_ + kColumnPanels : last_panel_;
  }
  size_t last_panel_, inputs_, step_;
  size_t columns_;  // the first of the panels that are walked through now
  size_t panel_, begin_ = 0;
};

// Prefetches the next piece little by little, so that memory works while this piece is multiplied.
class ReadAhead {
 public:
  // Spreads the prefetch of `bytes` bytes at each of two places over `steps` calls of step().
  ReadAhead(const uint8_t* first, const uint8_t* second, size_t bytes, size_t steps)
      : first_(first), second_(second), lines_((bytes / 64 + steps - 1) / steps) {}
  void step() {
    for (size_t i = 0; i < lines_; ++i, done_ += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(first_) + done_, _MM_HINT_T1);
      _mm_prefetch(reinterpret_cast<const char*>(second_) + done_, _MM_HINT_T1);
    }
  }

 private:
  const uint8_t *first_, *second_;
  size_t lines_, done_ = 0;
};

// Each kind of weights W defines where a piece stands in memory, and how tiles take it:
//   multiply                 the tiles' product of W and its rows
//   kInputBytes              bytes of one input of a row, and of one input of a copied lane
//   inputs, step             inputs of the padded matrix, and of a piece
//   row_bytes                bytes that one step takes of a row: a tile's 64, or a group of 32
//   at(panel, begin)         returns a panel's part of a piece; bytes(inputs) returns its length
//   copy(..., out, ahead)    copies that part as tiles, one after the other
struct Bf16Tiles {
  template <int C, int A, int B>
  static void multiply() {
    multiply_bf16<C, A, B>();
  }
  static constexpr size_t kInputBytes = 2;

  explicit Bf16Tiles(const Product& a)
      : inputs(round_up(a.k, kTileRowBytes / 2)),
        panels(static_cast<const uint8_t*>(a.panels)),
        panel(panel_bytes(Element::kBF16, a.k, 0)) {}
  const uint8_t* at(size_t p, size_t begin) const {
    return panels + p * panel + begin * 2 * kLanes;
  }
  static size_t bytes(size_t n) { return n * 2 * kLanes; }
  // Adds zeros after the last input, up to a whole tile.
  void copy(size_t p, size_t begin, size_t n, uint8_t* out, ReadAhead& ahead) const {
    const uint8_t* source = at(p, begin);
    const size_t left = panel - begin * 2 * kLanes, stored = left < bytes(n) ? left : bytes(n);
    for (size_t i = 0; i < bytes(n); i += 64) {
      if (i % kTileBytes == 0) ahead.step();
      store_bytes(out + i, i < stored ? load_bytes(source + i) : splat_integer(0));
    }
  }

  size_t inputs;
  size_t step = kPieceBytes / (2 * kLanes);
  size_t row_bytes = kTileRowBytes;
  const uint8_t* panels;
  size_t panel;
};

// A piece is a chunk. Its numbers are copied as signed bytes, with the zero points subtracted, so
// that the tiles' product is the group's dot.
struct QuantizedTiles {
  template <int C, int A, int B>
  static void multiply() {
    multiply_bytes<C, A, B>();
  }
  static constexpr size_t kInputBytes = 1;

  QuantizedTiles(Element e, const Product& a)
      : element(e),
        group(a.group),
        inputs(padded_inputs(a.k)),
        step(kChunkGroups * group),
        row_bytes(group < kTileRowBytes ? group : kTileRowBytes),
        panels(static_cast<const uint8_t*>(a.panels)),
        panel(panel_bytes(e, a.k, group)) {}
  const uint8_t* at(size_t p, size_t begin) const {
    return panels + p * panel + begin / step * chunk_bytes(element, group);
  }
  size_t groups(size_t n) const { return (n + group - 1) / group; }
  size_t head_bytes(size_t n) const { return chunk_head_bytes(element, groups(n)); }
  size_t bytes(size_t n) const { return head_bytes(n) + number_bytes(element, n); }

  Element element;
  size_t group;
  size_t inputs, step, row_bytes;
  const uint8_t* panels;
  size_t panel;
};

struct Int8Tiles : QuantizedTiles {
  static constexpr Element kElement = Element::kInt8;
  explicit Int8Tiles(const Product& a) : QuantizedTiles(kElement, a) {}
  void copy(size_t p, size_t begin, size_t n, uint8_t* out, ReadAhead& ahead) const {
    const uint8_t* numbers = at(p, begin) + head_bytes(n);
    for (size_t i = 0; i < n * kLanes; i += 64) {
      if (i % kTileBytes == 0) ahead.step();
      store_bytes(out + i, _mm512_sub_epi8(load_bytes(numbers + i), _mm512_set1_epi8(-128)));
    }
  }
};

struct Int4Tiles : QuantizedTiles {
  static constexpr Element kElement = Element::kInt4;
  explicit Int4Tiles(const Product& a) : QuantizedTiles(kElement, a) {}
  void copy(size_t p, size_t begin, size_t n, uint8_t* out, ReadAhead& ahead) const {
    const uint8_t* zeros = at(p, begin) + groups(n) * kLanes * 2;
    const uint8_t* numbers = at(p, begin) + head_bytes(n);
    Bytes zero = splat_integer(0);
    for (size_t i = 0; i < n; i += 8) {
      if (i * kLanes % kTileBytes == 0) ahead.step();
      if (i % group == 0) zero = zero_bytes(zeros + i / group * 8);
      const Bytes both = load_bytes(numbers + i * kLanes / 2);
      store_bytes(out + i * kLanes, _mm512_sub_epi8(low_nibbles(both), zero));
      store_bytes(out + (i + 4) * kLanes, _mm512_sub_epi8(high_nibbles(both), zero));
    }
  }

 private:
  // Returns each lane's zero point in all four bytes of the lane.
  static Bytes zero_bytes(const uint8_t* p) {
    const I32x16 zero = load_nibbles(p);
    const I32x16 two = _mm512_or_si512(zero, _mm512_slli_epi32(zero, 8));
    return _mm512_or_si512(two, _mm512_slli_epi32(two, 16));
  }
};

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
