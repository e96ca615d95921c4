// SPDX-License-Identifier: Apache-2.0
// The tile registers of one thread: what each of them holds, their shapes, and the operations on
// several of them at once. Include vec_avx512.h and a tiles_*.h first.
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

}  // namespace
}  // namespace gptj::GPTJ_ISA
