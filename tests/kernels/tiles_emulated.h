// SPDX-License-Identifier: Apache-2.0
// The tile registers of tiles_amx.h as plain loops, after the operations of Intel's manual. What a
// processor would refuse ends the test.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace gptj::GPTJ_ISA {
namespace {

struct Tile {
  size_t rows, row_bytes;  // 0: not configured
  uint8_t bytes[16][64];
};
thread_local Tile tiles[8];

inline void require(bool condition) {
  if (!condition) __builtin_trap();
}

inline Tile& configured(int t) {
  require(tiles[t].rows > 0);
  return tiles[t];
}

inline void configure_tiles(const uint8_t (&shapes)[64]) {
  require(shapes[0] == 1);
  for (size_t t = 0; t < 8; ++t) {
    Tile& tile = tiles[t];
    tile = {shapes[48 + t], shapes[16 + 2 * t], {}};
    require(tile.rows <= 16 && tile.row_bytes <= 64 && shapes[17 + 2 * t] == 0);
    require((tile.rows == 0) == (tile.row_bytes == 0));
  }
}
inline void release_tiles() { memset(tiles, 0, sizeof tiles); }

template <int T>
inline void zero_tile() {
  memset(configured(T).bytes, 0, sizeof tiles[T].bytes);
}
template <int T>
inline void load_tile(const void* p, size_t stride) {
  zero_tile<T>();
  Tile& tile = tiles[T];
  for (size_t m = 0; m < tile.rows; ++m) {
    memcpy(tile.bytes[m], static_cast<const uint8_t*>(p) + m * stride, tile.row_bytes);
  }
}
template <int T>
inline void load_tile_once(const void* p, size_t stride) {
  load_tile<T>(p, stride);
}
template <int T>
inline void store_tile(void* p, size_t stride) {
  const Tile& tile = configured(T);
  for (size_t m = 0; m < tile.rows; ++m) {
    memcpy(static_cast<uint8_t*>(p) + m * stride, tile.bytes[m], tile.row_bytes);
  }
}

inline void require_product(const Tile& c, const Tile& a, const Tile& b) {
  require(c.rows == a.rows && a.row_bytes == 4 * b.rows && c.row_bytes == b.row_bytes);
  require(c.row_bytes % 4 == 0);
}

template <int C, int A, int B>
inline void multiply_bytes() {
  Tile &c = configured(C), &a = configured(A), &b = configured(B);
  require_product(c, a, b);
  for (size_t m = 0; m < c.rows; ++m) {
    int32_t sums[16];
    memcpy(sums, c.bytes[m], sizeof sums);
    for (size_t j = 0; j < b.rows; ++j) {
      for (size_t n = 0; n < 16; ++n) {
        for (size_t i = 0; i < 4; ++i) {
          sums[n] += static_cast<int8_t>(a.bytes[m][4 * j + i]) *
                     static_cast<int8_t>(b.bytes[j][4 * n + i]);
        }
      }
    }
    memcpy(c.bytes[m], sums, sizeof sums);
  }
}

// Denormals are zeros, as operands and as results.
inline float flushed(float x) { return __builtin_fabsf(x) < 0x1p-126f ? 0.0f * x : x; }

// The bf16 numbers of a tile's row: those at even places, then those at odd ones.
struct Pairs {
  explicit Pairs(const uint8_t* row) {
    uint32_t words[16];
    memcpy(words, row, sizeof words);
    for (size_t n = 0; n < 16; ++n) {
      const uint32_t low = words[n] << 16, high = words[n] & 0xffff0000u;
      memcpy(&even[n], &low, sizeof low);
      memcpy(&odd[n], &high, sizeof high);
      even[n] = flushed(even[n]);
      odd[n] = flushed(odd[n]);
    }
  }
  float even[16], odd[16];
};

template <int C, int A, int B>
inline void multiply_bf16() {
  Tile &c = configured(C), &a = configured(A), &b = configured(B);
  require_product(c, a, b);
  float even[16][16] = {}, odd[16][16] = {};
  for (size_t j = 0; j < b.rows; ++j) {
    const Pairs w(b.bytes[j]);
    for (size_t m = 0; m < c.rows; ++m) {
      uint32_t pair;
      memcpy(&pair, a.bytes[m] + 4 * j, sizeof pair);
      const uint32_t low = pair << 16, high = pair & 0xffff0000u;
      float x_even, x_odd;
      memcpy(&x_even, &low, sizeof low);
      memcpy(&x_odd, &high, sizeof high);
      x_even = flushed(x_even);
      x_odd = flushed(x_odd);
      for (size_t n = 0; n < 16; ++n) {
        even[m][n] = flushed(__builtin_fmaf(x_even, w.even[n], even[m][n]));
        odd[m][n] = flushed(__builtin_fmaf(x_odd, w.odd[n], odd[m][n]));
      }
    }
  }
  for (size_t m = 0; m < c.rows; ++m) {
    float sums[16];
    memcpy(sums, c.bytes[m], sizeof sums);
    for (size_t n = 0; n < 16; ++n) {
      sums[n] = flushed(flushed(sums[n]) + flushed(even[m][n] + odd[m][n]));
    }
    memcpy(c.bytes[m], sums, sizeof sums);
  }
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
