// SPDX-License-Identifier: Apache-2.0
// A vector of 16 floats as two AVX2 registers.
#pragma once

#include <immintrin.h>

#include "kernels/kernels.h"

namespace gptj::GPTJ_ISA {
namespace {

constexpr int kBlockRows = 6, kBlockPanels = 1, kRowPanels = 4;
constexpr int kByteRows = kInt8Rows, kBytePanels = 1, kBytePanelsOfTwoRows = 1;
// Independent chains that keep the multipliers busy, and fit the registers.
constexpr int kBurstChains = 6;
inline void prefetch(const void* p, size_t ahead) {
  _mm_prefetch(static_cast<const char*>(p) + ahead, _MM_HINT_T0);
}
// Prefetches quantized weights that several rows read. Measured: four tenths faster for four rows.
inline void prefetch_for_rows(const void* p) { prefetch(p, 1280); }

struct F32x16 {
  __m256 lo, hi;
};

inline F32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void store(float* p, F32x16 v) {
  _mm256_storeu_ps(p, v.lo);
  _mm256_storeu_ps(p + 8, v.hi);
}
inline F32x16 splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline F32x16 add(F32x16 a, F32x16 b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
inline F32x16 sub(F32x16 a, F32x16 b) {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
inline F32x16 mul(F32x16 a, F32x16 b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
inline F32x16 div(F32x16 a, F32x16 b) {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
inline F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline F32x16 max(F32x16 a, F32x16 b) {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
inline F32x16 select_less(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  return {_mm256_blendv_ps(y.lo, x.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.hi, x.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}
inline F32x16 abs(F32x16 a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
inline F32x16 with_sign_of(F32x16 a, F32x16 b) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(a.lo, _mm256_and_ps(sign, b.lo)),
          _mm256_or_ps(a.hi, _mm256_and_ps(sign, b.hi))};
}
inline __m256 exp2_of_shifted(__m256 v) {
  const __m256i n = _mm256_slli_epi32(_mm256_castps_si256(v), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(127 << 23)));
}
inline F32x16 exp2_of_shifted(F32x16 v) { return {exp2_of_shifted(v.lo), exp2_of_shifted(v.hi)}; }

inline __m128i load_8_halves(const uint16_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline F32x16 load_f16(const uint16_t* p) {
  return {_mm256_cvtph_ps(load_8_halves(p)), _mm256_cvtph_ps(load_8_halves(p + 8))};
}
inline __m256 widen_bf16(__m128i v) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}
inline F32x16 load_bf16(const uint16_t* p) {
  return {widen_bf16(load_8_halves(p)), widen_bf16(load_8_halves(p + 8))};
}
inline __m256 load_8_int8(const int8_t* p) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
inline F32x16 load_int8(const int8_t* p) { return {load_8_int8(p), load_8_int8(p + 8)}; }
inline void load_bf16_pair(const uint16_t* p, F32x16& even, F32x16& odd) {
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  const __m256i lo = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i hi = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 16));
  even = {_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)),
          _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
  odd = {_mm256_castsi256_ps(_mm256_and_si256(lo, high)),
         _mm256_castsi256_ps(_mm256_and_si256(hi, high))};
}
inline void store_f16(uint16_t* p, F32x16 v) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v.lo, kNearest));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(v.hi, kNearest));
}
// Rounds each 32-bit element to bf16, in the low half of the element; the high half becomes zero.
inline __m256i round_to_bf16(__m256 v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
}
inline void store_bf16(uint16_t* p, F32x16 v) {
  const __m256i packed = _mm256_packus_epi32(round_to_bf16(v.lo), round_to_bf16(v.hi));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
}

// Returns the larger of a and |b|. Compares as integers, so that a NaN is the largest. REQUIRES:
// a's sign bit is 0.
inline __m256 max_magnitude(__m256 a, __m256 b) {
  const __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(b), _mm256_set1_epi32(0x7fffffff));
  return _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a), magnitude));
}
inline F32x16 max_magnitude(F32x16 a, F32x16 b) {
  return {max_magnitude(a.lo, b.lo), max_magnitude(a.hi, b.hi)};
}
inline float maximum_magnitude(F32x16 a) {
  __m256 m = max_magnitude(a.lo, a.hi);
  m = max_magnitude(m, _mm256_permute2f128_ps(m, m, 1));
  m = max_magnitude(m, _mm256_permute_ps(m, 0x4e));
  return _mm256_cvtss_f32(max_magnitude(m, _mm256_permute_ps(m, 0xb1)));
}
// Stores the lowest byte of each element's bits.
inline void store_low_bytes(int8_t* p, F32x16 v) {
  const __m256i low = _mm256_set1_epi32(0xff);
  const __m256i lo = _mm256_and_si256(_mm256_castps_si256(v.lo), low);
  const __m256i hi = _mm256_and_si256(_mm256_castps_si256(v.hi), low);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(lo, hi), 0xd8);
  _mm_storeu_si128(
      reinterpret_cast<__m128i*>(p),
      _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

// 16 integers of 32 bits. The same registers hold 64 bytes: four of each lane.
struct I32x16 {
  __m256i lo, hi;
};
using Bytes = I32x16;

inline I32x16 splat_integer(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
inline F32x16 to_float(I32x16 v) { return {_mm256_cvtepi32_ps(v.lo), _mm256_cvtepi32_ps(v.hi)}; }
inline __m256i load_32_bytes(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline Bytes load_bytes(const uint8_t* p) { return {load_32_bytes(p), load_32_bytes(p + 32)}; }
inline void store_bytes(uint8_t* p, Bytes v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v.lo);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), v.hi);
}
inline __m256i low_nibbles(__m256i v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
inline Bytes low_nibbles(Bytes v) { return {low_nibbles(v.lo), low_nibbles(v.hi)}; }
inline Bytes high_nibbles(Bytes v) {
  return low_nibbles(Bytes{_mm256_srli_epi16(v.lo, 4), _mm256_srli_epi16(v.hi, 4)});
}
// Loads 16 numbers of 4 bits from 8 bytes: lanes 0 to 7 from the low halves, 8 to 15 from the high.
inline I32x16 load_nibbles(const uint8_t* p) {
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m128i nibble = _mm_set1_epi8(15);
  return {_mm256_cvtepu8_epi32(_mm_and_si128(low, nibble)),
          _mm256_cvtepu8_epi32(_mm_and_si128(_mm_srli_epi16(low, 4), nibble))};
}
// Returns v * x. REQUIRES: v and x fit 16 bits, and v is not negative.
inline I32x16 times(I32x16 v, int32_t x) {
  const __m256i factor = _mm256_set1_epi32(x & 0xffff);
  return {_mm256_madd_epi16(v.lo, factor), _mm256_madd_epi16(v.hi, factor)};
}
inline __m256i splat_four_bytes(const int8_t* x) {
  int32_t four;
  __builtin_memcpy(&four, x, sizeof four);
  return _mm256_set1_epi32(four);
}
// Hides from the compiler that v is unchanged.
inline void opaque(Bytes& v) { __asm__ volatile("" : "+x"(v.lo), "+x"(v.hi)); }
#if defined(__AVXVNNI__) || defined(GPTJ_EMULATED_AVXVNNI)
inline I32x16 dot(I32x16 acc, Bytes w, Bytes x) {
  return {_mm256_dpbusd_avx_epi32(acc.lo, w.lo, x.lo), _mm256_dpbusd_avx_epi32(acc.hi, w.hi, x.hi)};
}
// Returns acc[lane] + sum over b of w[lane][b] * x[b], where w is unsigned.
inline I32x16 dot(I32x16 acc, Bytes w, const int8_t* x) {
  const __m256i four = splat_four_bytes(x);
  return {_mm256_dpbusd_avx_epi32(acc.lo, w.lo, four), _mm256_dpbusd_avx_epi32(acc.hi, w.hi, four)};
}
#endif

template <class Combine>
inline float fold(F32x16 v, Combine combine) {
  const __m256 eight = combine(v.lo, v.hi);
  const __m128 high = _mm256_extractf128_ps(eight, 1);
  __m256 rest = combine(eight, _mm256_castps128_ps256(high));
  rest = combine(rest, _mm256_permute_ps(rest, 0x0e));
  rest = combine(rest, _mm256_permute_ps(rest, 0x01));
  return _mm256_cvtss_f32(rest);
}
inline float sum(F32x16 v) {
  return fold(v, [](__m256 a, __m256 b) { return _mm256_add_ps(a, b); });
}
inline float maximum(F32x16 v) {
  return fold(v, [](__m256 a, __m256 b) { return _mm256_max_ps(a, b); });
}

inline float square_root(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

}  // namespace
}  // namespace gptj::GPTJ_ISA
