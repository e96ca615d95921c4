// SPDX-License-Identifier: Apache-2.0
// The weights of products by tiles: the pieces that they are taken in, and how each type's pieces
// become tiles.
#pragma once

#include "kernels/tile_registers.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

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

}  // namespace
}  // namespace gptj::GPTJ_ISA
