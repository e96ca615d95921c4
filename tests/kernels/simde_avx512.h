// SPDX-License-Identifier: Apache-2.0
// AVX-512 by SIMDe, on AVX2 and FMA: the intrinsics of vec_avx512.h for processors that lack them.
// For files of kernels alone: like them it defines nothing that another file could share.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

// What SIMDe 0.7.4 lacks, half by half.
namespace gptj::simde {
namespace {

inline __m256i half(__m512i v, int i) { return simde__m512i_to_private(v).m256i[i]; }
inline __m512i join(__m256i low, __m256i high) {
  simde__m512i_private r = {};
  r.m256i[0] = low;
  r.m256i[1] = high;
  return simde__m512i_from_private(r);
}
inline __m256 half(__m512 v, int i) { return simde__m512_to_private(v).m256[i]; }
inline __m512 join(__m256 low, __m256 high) {
  simde__m512_private r = {};
  r.m256[0] = low;
  r.m256[1] = high;
  return simde__m512_from_private(r);
}
inline __m128i high_128(__m256i v) { return _mm256_extracti128_si256(v, 1); }
inline __m256i join(__m128i low, __m128i high) { return _mm256_set_m128i(high, low); }

inline __m512 cvtepi32_ps(__m512i v) {
  return join(_mm256_cvtepi32_ps(half(v, 0)), _mm256_cvtepi32_ps(half(v, 1)));
}
inline __m512i cvtepu16_epi32(__m256i v) {
  return join(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)), _mm256_cvtepu16_epi32(high_128(v)));
}
inline __m512i cvtepu8_epi32(__m128i v) {
  return join(_mm256_cvtepu8_epi32(v), _mm256_cvtepu8_epi32(_mm_srli_si128(v, 8)));
}
inline __m512i cvtepi8_epi32(__m128i v) {
  return join(_mm256_cvtepi8_epi32(v), _mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)));
}
inline __m512 cvtph_ps(__m256i v) {
  return join(_mm256_cvtph_ps(_mm256_castsi256_si128(v)), _mm256_cvtph_ps(high_128(v)));
}
template <int kRounding>
inline __m256i cvtps_ph(__m512 v) {
  constexpr int kMode = kRounding & 7;  // the 256-bit instruction has no room for more
  return join(_mm256_cvtps_ph(half(v, 0), kMode), _mm256_cvtps_ph(half(v, 1), kMode));
}
inline __m128i cvtepi32_epi8(__m512i v) {
  const simde__m512i_private from = simde__m512i_to_private(v);
  uint8_t bytes[16];
  for (size_t i = 0; i < 16; ++i) bytes[i] = static_cast<uint8_t>(from.u32[i]);
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}
inline __m256i cvtepi32_epi16(__m512i v) {
  const simde__m512i_private from = simde__m512i_to_private(v);
  uint16_t words[16];
  for (size_t i = 0; i < 16; ++i) words[i] = static_cast<uint16_t>(from.u32[i]);
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
}
inline uint32_t reduce_max_epu32(__m512i v) {
  const simde__m512i_private from = simde__m512i_to_private(v);
  uint32_t largest = 0;
  for (size_t i = 0; i < 16; ++i) largest = from.u32[i] > largest ? from.u32[i] : largest;
  return largest;
}
inline __m512i madd_epi16(__m512i a, __m512i b) {
  return join(_mm256_madd_epi16(half(a, 0), half(b, 0)), _mm256_madd_epi16(half(a, 1), half(b, 1)));
}

}  // namespace
}  // namespace gptj::simde

#undef _mm512_cvtepi32_ps
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepu8_epi32
#undef _mm512_cvtepi8_epi32
#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#undef _mm512_cvtepi32_epi8
#undef _mm512_cvtepi32_epi16
#undef _mm512_extractf32x8_ps
#undef _mm512_reduce_max_epu32
#undef _mm512_madd_epi16  // SIMDe's takes the arguments of the masked one
#define _mm512_cvtepi32_ps(v) gptj::simde::cvtepi32_ps(v)
#define _mm512_cvtepu16_epi32(v) gptj::simde::cvtepu16_epi32(v)
#define _mm512_cvtepu8_epi32(v) gptj::simde::cvtepu8_epi32(v)
#define _mm512_cvtepi8_epi32(v) gptj::simde::cvtepi8_epi32(v)
#define _mm512_cvtph_ps(v) gptj::simde::cvtph_ps(v)
#define _mm512_cvtps_ph(v, rounding) gptj::simde::cvtps_ph<rounding>(v)
#define _mm512_cvtepi32_epi8(v) gptj::simde::cvtepi32_epi8(v)
#define _mm512_cvtepi32_epi16(v) gptj::simde::cvtepi32_epi16(v)
#define _mm512_extractf32x8_ps(v, i) gptj::simde::half(v, i)
#define _mm512_reduce_max_epu32(v) gptj::simde::reduce_max_epu32(v)
#define _mm512_madd_epi16(a, b) gptj::simde::madd_epi16(a, b)
