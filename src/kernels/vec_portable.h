// SPDX-License-Identifier: Apache-2.0
// A vector of 16 floats as an Eigen array. This set is the reference that all other sets must
// equal. It uses elementwise operations of Eigen only, because Eigen's reductions choose their own
// order.
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cmath>

#include "base/half.h"
#include "kernels/kernels.h"

namespace gptj::GPTJ_ISA {
namespace {

// Rows and panels of one block, whose accumulators fit the registers.
constexpr int kBlockRows = 4, kBlockPanels = 1, kRowPanels = 4;
constexpr int kByteRows = kInt8Rows, kBytePanels = 1, kBytePanelsOfTwoRows = 1;
// Independent chains that keep the multipliers busy, and fit the registers.
constexpr int kBurstChains = 4;
inline void prefetch(const void*, size_t) {}

using F32x16 = Eigen::Array<float, 16, 1>;
using Bits16 = Eigen::Array<uint32_t, 16, 1>;

template <class Function>
F32x16 elementwise(Function f) {
  F32x16 result;
  for (int i = 0; i < 16; ++i) result[i] = f(i);
  return result;
}

inline F32x16 load(const float* p) { return Eigen::Map<const F32x16>(p); }
inline void store(float* p, const F32x16& v) { Eigen::Map<F32x16>{p} = v; }
inline F32x16 splat(float x) { return F32x16::Constant(x); }
inline F32x16 add(const F32x16& a, const F32x16& b) { return a + b; }
inline F32x16 sub(const F32x16& a, const F32x16& b) { return a - b; }
inline F32x16 mul(const F32x16& a, const F32x16& b) { return a * b; }
inline F32x16 div(const F32x16& a, const F32x16& b) { return a / b; }
inline F32x16 fma(const F32x16& a, const F32x16& b, const F32x16& c) {
  return elementwise([&](int i) { return std::fma(a[i], b[i], c[i]); });
}
// Returns a > b ? a : b, also if one is NaN.
inline F32x16 max(const F32x16& a, const F32x16& b) { return (a > b).select(a, b); }
// Returns a < b ? x : y.
inline F32x16 select_less(const F32x16& a, const F32x16& b, const F32x16& x, const F32x16& y) {
  return (a < b).select(x, y);
}
inline F32x16 abs(const F32x16& a) {
  return elementwise([&](int i) { return std::fabs(a[i]); });
}
// Returns the magnitude of a with the sign of b. REQUIRES: a is not negative.
inline F32x16 with_sign_of(const F32x16& a, const F32x16& b) {
  return elementwise([&](int i) { return std::copysign(a[i], b[i]); });
}
// Returns 2^n. REQUIRES: v = n + 1.5 * 2^23, so that the low bits of v hold the integer n.
inline F32x16 exp2_of_shifted(const F32x16& v) {
  return elementwise([&](int i) {
    return std::bit_cast<float>((std::bit_cast<uint32_t>(v[i]) << 23) + (127u << 23));
  });
}

inline F32x16 load_f16(const uint16_t* p) {
  return elementwise([&](int i) { return f16_to_f32(p[i]); });
}
inline F32x16 load_bf16(const uint16_t* p) {
  return elementwise([&](int i) { return bf16_to_f32(p[i]); });
}
inline F32x16 load_int8(const int8_t* p) {
  return elementwise([&](int i) { return static_cast<float>(p[i]); });
}
inline void load_bf16_pair(const uint16_t* p, F32x16& even, F32x16& odd) {
  even = elementwise([&](int i) { return bf16_to_f32(p[2 * i]); });
  odd = elementwise([&](int i) { return bf16_to_f32(p[2 * i + 1]); });
}
inline void store_f16(uint16_t* p, const F32x16& v) {
  for (int i = 0; i < 16; ++i) p[i] = f32_to_f16(v[i]);
}
inline void store_bf16(uint16_t* p, const F32x16& v) {
  for (int i = 0; i < 16; ++i) p[i] = f32_to_bf16(v[i]);
}

// Returns the larger of a and |b|. Compares as integers, so that a NaN is the largest. REQUIRES:
// a's sign bit is 0.
inline float max_magnitude(float a, float b) {
  const uint32_t magnitude = std::bit_cast<uint32_t>(b) & 0x7fffffffu;
  return std::bit_cast<uint32_t>(a) > magnitude ? a : std::bit_cast<float>(magnitude);
}
inline F32x16 max_magnitude(const F32x16& a, const F32x16& b) {
  return elementwise([&](int i) { return max_magnitude(a[i], b[i]); });
}
inline float maximum_magnitude(const F32x16& a) {
  float largest = a[0];
  for (int i = 1; i < 16; ++i) largest = max_magnitude(largest, a[i]);
  return largest;
}
// Stores the lowest byte of each element's bits.
inline void store_low_bytes(int8_t* p, const F32x16& v) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<int8_t>(std::bit_cast<uint32_t>(v[i]));
}

using I32x16 = Eigen::Array<int32_t, 16, 1>;
using Bytes = I32x16;  // only for measuring the machine
inline I32x16 splat_integer(int32_t x) { return I32x16::Constant(x); }
inline F32x16 to_float(const I32x16& v) { return v.cast<float>(); }

// sum and maximum combine partials that are 8 apart, then 4, 2, 1.
inline float sum(F32x16 v) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) v[i] += v[i + half];
  }
  return v[0];
}
inline float maximum(F32x16 v) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) v[i] = v[i] > v[i + half] ? v[i] : v[i + half];
  }
  return v[0];
}

inline float square_root(float x) { return std::sqrt(x); }

}  // namespace
}  // namespace gptj::GPTJ_ISA
