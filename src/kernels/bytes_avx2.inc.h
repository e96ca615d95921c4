// SPDX-License-Identifier: Apache-2.0
// Exact dots of bytes by AVX2 alone. AVX2's product of unsigned and signed bytes adds pairs of
// products in 16 bits. The concept is in quantized.inc.h.
#pragma once

#include "kernels/bytes.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

inline __m256i add_pairs(__m256i words) { return _mm256_madd_epi16(words, _mm256_set1_epi16(1)); }

// Adds dots of signed bytes to acc. With the signs moved from w to x, a pair sums to at most
// 2 * 127 * 127 < 2^15.
inline __m256i dot_signed(__m256i acc, __m256i w, __m256i magnitude, __m256i x) {
  const __m256i words = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, w));
  return _mm256_add_epi32(acc, add_pairs(words));
}

// Bytes by which unpacking prefetches. The distance covers most of the next chunk, which then
// arrives while this chunk is multiplied.
constexpr size_t kUnpackAhead = 7232;
// Unpacks n inputs of 4 bits to a byte each.
inline void unpack_nibbles(const uint8_t* w, size_t n, uint8_t* out) {
  for (size_t i = 0; i < n; i += 8) {
    const uint8_t* at = w + i * kLanes / 2;
    prefetch(at, kUnpackAhead);
    const Bytes both = load_bytes(at);
    store_bytes(out + i * kLanes, low_nibbles(both));
    store_bytes(out + (i + 4) * kLanes, high_nibbles(both));
  }
}

struct Int8 {
  static constexpr uint64_t kBurstInputs = 4;
  static I32x16 burst(I32x16 acc, Bytes& w, Bytes x) {
    opaque(w);
    return {_mm256_add_epi32(acc.lo, add_pairs(_mm256_maddubs_epi16(w.lo, x.lo))),
            _mm256_add_epi32(acc.hi, add_pairs(_mm256_maddubs_epi16(w.hi, x.hi)))};
  }
  static constexpr Element kElement = Element::kInt8;
  static constexpr bool kStored = true;
  static constexpr size_t kInputBytes = kLanes;
  struct Zero {};
  static Zero zero(const uint8_t*) { return {}; }
  static I32x16 start(Zero, int32_t) { return splat_integer(0); }
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, size_t ahead, I32x16 (&acc)[R][P]) {
    const __m256i sign = _mm256_set1_epi8(static_cast<char>(0x80));
    for (size_t i = 0; i < n; i += 4) {
      GPTJ_UNROLL for (int p = 0; p < P; ++p) {
        const uint8_t* at = w + static_cast<size_t>(p) * w_stride + i * kLanes;
        prefetch_weights<R>(at, ahead);
        const Bytes stored = load_bytes(at);
        const __m256i lo = _mm256_xor_si256(stored.lo, sign);
        const __m256i hi = _mm256_xor_si256(stored.hi, sign);
        const __m256i lo_magnitude = _mm256_abs_epi8(lo), hi_magnitude = _mm256_abs_epi8(hi);
        GPTJ_UNROLL for (int r = 0; r < R; ++r) {
          const __m256i four = splat_four_bytes(x + static_cast<size_t>(r) * x_stride + i);
          acc[r][p].lo = dot_signed(acc[r][p].lo, lo, lo_magnitude, four);
          acc[r][p].hi = dot_signed(acc[r][p].hi, hi, hi_magnitude, four);
        }
      }
    }
  }
  using Unpacked = Int8;
};

// Adds the dots of 32 inputs of numbers from 0 to 15. Sums of eight pairs of at most 2 * 15 * 127
// fit 16 bits. bytes(p, j) returns panel p's numbers of inputs 4 j .. 4 j + 3.
template <int R, int P, class LoadBytes>
inline void accumulate_32(LoadBytes bytes, const int8_t* x, size_t x_stride, I32x16 (&acc)[R][P]) {
  GPTJ_UNROLL for (int p = 0; p < P; ++p) {
    I32x16 words[R];
    GPTJ_UNROLL for (int r = 0; r < R; ++r) words[r] = splat_integer(0);
    GPTJ_UNROLL for (int j = 0; j < 8; ++j) {
      const Bytes w = bytes(p, j);
      GPTJ_UNROLL for (int r = 0; r < R; ++r) {
        const __m256i four = splat_four_bytes(x + static_cast<size_t>(r) * x_stride + 4 * j);
        words[r].lo = _mm256_add_epi16(words[r].lo, _mm256_maddubs_epi16(w.lo, four));
        words[r].hi = _mm256_add_epi16(words[r].hi, _mm256_maddubs_epi16(w.hi, four));
      }
    }
    GPTJ_UNROLL for (int r = 0; r < R; ++r) {
      acc[r][p].lo = _mm256_add_epi32(acc[r][p].lo, add_pairs(words[r].lo));
      acc[r][p].hi = _mm256_add_epi32(acc[r][p].hi, add_pairs(words[r].hi));
    }
  }
}

// Numbers from 0 to 15 that were unpacked to a byte each.
struct Int4Bytes : ZeroPoints {
  static constexpr uint64_t kBurstInputs = 32;
  static I32x16 burst(I32x16 acc, Bytes& w, Bytes x) {
    I32x16 words = splat_integer(0);
    GPTJ_UNROLL for (int j = 0; j < 8; ++j) {
      opaque(w);
      words.lo = _mm256_add_epi16(words.lo, _mm256_maddubs_epi16(w.lo, x.lo));
      words.hi = _mm256_add_epi16(words.hi, _mm256_maddubs_epi16(w.hi, x.hi));
    }
    return {_mm256_add_epi32(acc.lo, add_pairs(words.lo)),
            _mm256_add_epi32(acc.hi, add_pairs(words.hi))};
  }
  static constexpr bool kStored = false;
  static constexpr size_t kInputBytes = kLanes;
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, size_t, I32x16 (&acc)[R][P]) {
    for (size_t i = 0; i < n; i += 32) {
      accumulate_32(
          [&](int p, int j) {
            return load_bytes(w + static_cast<size_t>(p) * w_stride +
                              (i + 4 * static_cast<size_t>(j)) * kLanes);
          },
          x + i, x_stride, acc);
    }
  }
};

struct Int4 : Int4Bytes {
  static constexpr Element kElement = Element::kInt4;
  static constexpr bool kStored = true;
  static constexpr size_t kInputBytes = kLanes / 2;
  template <int R, int P>
  static void accumulate(const uint8_t* w, size_t w_stride, const int8_t* x, size_t x_stride,
                         size_t n, size_t ahead, I32x16 (&acc)[R][P]) {
    for (size_t i = 0; i < n; i += 32) {
      accumulate_32(
          [&](int p, int j) {
            const uint8_t* at = w + static_cast<size_t>(p) * w_stride +
                                (i + 8 * static_cast<size_t>(j / 2)) * kInputBytes;
            if (j % 2 == 0) prefetch_weights<R>(at, ahead);
            const Bytes both = load_bytes(at);
            return j % 2 == 0 ? low_nibbles(both) : high_nibbles(both);
          },
          x + i, x_stride, acc);
    }
  }
  using Unpacked = Int4Bytes;
  static void unpack(const uint8_t* w, size_t n, uint8_t* out) { unpack_nibbles(w, n, out); }
};

}  // namespace
}  // namespace gptj::GPTJ_ISA
