// SPDX-License-Identifier: Apache-2.0
// A vector of 16 floats as one AVX-512 register.
#pragma once

#include <immintrin.h>

#include "kernels/kernels.h"

namespace gptj::GPTJ_ISA {
namespace {

constexpr int kBlockRows = 12, kBlockPanels = 2, kRowPanels = 16;
constexpr int kByteRows = kInt8Rows, kBytePanels = 2, kBytePanelsOfTwoRows = 4;
// Independent chains that keep the multipliers busy, and fit the registers.
constexpr int kBurstChains = 16;
inline void prefetch(const void* p, size_t ahead) {
  _mm_prefetch(static_cast<const char*>(p) + ahead, _MM_HINT_T0);
}
// Prefetches quantized weights that several rows read, into the second-level cache. Chosen by
// measurement on Zen 4.
inline void prefetch_for_rows(const void* p) {
  _mm_prefetch(static_cast<const char*>(p) + 4096, _MM_HINT_T1);
}

using F32x16 = __m512;

inline F32x16 load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, F32x16 v) { _mm512_storeu_ps(p, v); }
inline F32x16 splat(float x) { return _mm512_set1_ps(x); }
inline F32x16 add(F32x16 a, F32x16 b) { return _mm512_add_ps(a, b); }
inline F32x16 sub(F32x16 a, F32x16 b) { return _mm512_sub_ps(a, b); }
inline F32x16 mul(F32x16 a, F32x16 b) { return _mm512_mul_ps(a, b); }
inline F32x16 div(F32x16 a, F32x16 b) { return _mm512_div_ps(a, b); }
inline F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { return _mm512_fmadd_ps(a, b, c); }
inline F32x16 max(F32x16 a, F32x16 b) { return _mm512_max_ps(a, b); }
inline F32x16 select_less(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
inline F32x16 abs(F32x16 a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
inline F32x16 with_sign_of(F32x16 a, F32x16 b) {
  return _mm512_or_ps(a, _mm512_and_ps(_mm512_set1_ps(-0.0f), b));
}
inline F32x16 exp2_of_shifted(F32x16 v) {
  const __m512i n = _mm512_slli_epi32(_mm512_castps_si512(v), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(127 << 23)));
}

inline __m256i load_16_halves(const uint16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline F32x16 load_f16(const uint16_t* p) { return _mm512_cvtph_ps(load_16_halves(p)); }
inline F32x16 load_bf16(const uint16_t* p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_16_halves(p)), 16));
}
inline F32x16 load_int8(const int8_t* p) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline void load_bf16_pair(const uint16_t* p, F32x16& even, F32x16& odd) {
  const __m512i pairs = _mm512_loadu_si512(p);
  even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
  odd = _mm512_castsi512_ps(
      _mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
}
inline void store_f16(uint16_t* p, F32x16 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline void store_bf16(uint16_t* p, F32x16 v) {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i result = _mm512_srli_epi32(_mm512_mask_blend_epi32(nan, rounded, quiet), 16);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(result));
}

// Returns the larger of a and |b|. Compares as integers, so that a NaN is the largest. REQUIRES:
// a's sign bit is 0.
inline F32x16 max_magnitude(F32x16 a, F32x16 b) {
  const __m512i magnitude = _mm512_and_si512(_mm512_castps_si512(b), _mm512_set1_epi32(0x7fffffff));
  return _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a), magnitude));
}
inline float maximum_magnitude(F32x16 a) {
  return _mm_cvtss_f32(_mm_castsi128_ps(
      _mm_cvtsi32_si128(static_cast<int>(_mm512_reduce_max_epu32(_mm512_castps_si512(a))))));
}
// Stores the lowest byte of each element's bits.
inline void store_low_bytes(int8_t* p, F32x16 v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_castps_si512(v)));
}

// 16 integers of 32 bits. The same register holds 64 bytes: four of each lane.
using I32x16 = __m512i;
using Bytes = __m512i;

inline I32x16 splat_integer(int32_t x) { return _mm512_set1_epi32(x); }
inline F32x16 to_float(I32x16 v) { return _mm512_cvtepi32_ps(v); }
inline Bytes load_bytes(const uint8_t* p) { return _mm512_loadu_si512(p); }
inline void store_bytes(uint8_t* p, Bytes v) { _mm512_storeu_si512(p, v); }
inline Bytes low_nibbles(Bytes v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
inline Bytes high_nibbles(Bytes v) { return low_nibbles(_mm512_srli_epi16(v, 4)); }
// Loads 16 numbers of 4 bits from 8 bytes: lanes 0 to 7 from the low halves, 8 to 15 from the high.
inline I32x16 load_nibbles(const uint8_t* p) {
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m128i both = _mm_unpacklo_epi64(low, _mm_srli_epi16(low, 4));
  return _mm512_cvtepu8_epi32(_mm_and_si128(both, _mm_set1_epi8(15)));
}
// Returns v * x. REQUIRES: v and x fit 16 bits, and v is not negative.
inline I32x16 times(I32x16 v, int32_t x) {
  return _mm512_madd_epi16(v, _mm512_set1_epi32(x & 0xffff));
}
inline I32x16 dot(I32x16 acc, Bytes w, Bytes x) { return _mm512_dpbusd_epi32(acc, w, x); }
// Returns acc[lane] + sum over b of w[lane][b] * x[b], where w is unsigned.
inline I32x16 dot(I32x16 acc, Bytes w, const int8_t* x) {
  int32_t four;
  __builtin_memcpy(&four, x, sizeof four);
  return _mm512_dpbusd_epi32(acc, w, _mm512_set1_epi32(four));
}

template <class Combine>
inline float fold(F32x16 v, Combine combine) {
  const __m256 high = _mm512_extractf32x8_ps(v, 1);
  const __m256 eight = combine(_mm512_castps512_ps256(v), high);
  __m256 rest = combine(eight, _mm256_castps128_ps256(_mm256_extractf128_ps(eight, 1)));
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
