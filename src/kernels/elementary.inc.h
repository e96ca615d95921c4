// SPDX-License-Identifier: Apache-2.0
// exp, tanh and the row operations, written once over F32x16 and compiled by each instruction set
// in a namespace of its own. Include a vec_*.h first.
#pragma once

#include "kernels/kernels.h"

namespace gptj::GPTJ_ISA {
namespace {

// Returns e^x for x <= 0, within 2 ulp; exactly 1 at 0, and 0 below -87. With x = n ln 2 + r and
// |r| <= ln 2 / 2, e^r = 1 + r + r^2 q(r), where q is a minimax polynomial of relative error 3e-9.
inline F32x16 exp(F32x16 x) {
  constexpr float kShift = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
  constexpr float kLog2e = 0x1.715476p0f;
  constexpr float kMinusLn2High = -0x1.62e4p-1f, kMinusLn2Low = -0x1.7f7d1cp-20f;
  const F32x16 shifted = fma(x, splat(kLog2e), splat(kShift));
  const F32x16 n = sub(shifted, splat(kShift));
  const F32x16 r = fma(n, splat(kMinusLn2Low), fma(n, splat(kMinusLn2High), x));
  F32x16 q = splat(0x1.6a2434p-10f);
  q = fma(q, r, splat(0x1.1239e2p-7f));
  q = fma(q, r, splat(0x1.5558f2p-5f));
  q = fma(q, r, splat(0x1.555492p-3f));
  q = fma(q, r, splat(0x1.fffffcp-2f));
  const F32x16 e_r = add(fma(mul(r, r), q, r), splat(1.0f));
  return select_less(x, splat(-87.0f), splat(0.0f), mul(e_r, exp2_of_shifted(shifted)));
}

// Returns tanh x within 2 ulp: x + x^3 p(x^2) below 0.625, else (1 - e^(-2|x|)) / (1 + e^(-2|x|)).
inline F32x16 tanh(F32x16 x) {
  const F32x16 a = abs(x);
  const F32x16 square = mul(x, x);
  F32x16 p = splat(-0x1.76ac1ap-8f);
  p = fma(p, square, splat(0x1.5256d8p-6f));
  p = fma(p, square, splat(-0x1.b84448p-5f));
  p = fma(p, square, splat(0x1.110768p-3f));
  p = fma(p, square, splat(-0x1.555534p-2f));
  const F32x16 small = fma(mul(square, x), p, x);
  const F32x16 e = exp(mul(a, splat(-2.0f)));
  const F32x16 large = div(sub(splat(1.0f), e), add(splat(1.0f), e));
  return select_less(a, splat(0.625f), small, with_sign_of(large, x));
}

inline F32x16 gelu(F32x16 x) {
  const F32x16 cube = mul(mul(x, x), x);
  const F32x16 inner = mul(splat(0x1.988454p-1f), fma(splat(0.044715f), cube, x));
  return mul(mul(splat(0.5f), x), add(splat(1.0f), tanh(inner)));
}

// Loads the first n of 16 floats; the others become `fill`.
inline F32x16 load_first(const float* p, size_t n, float fill) {
  alignas(64) float lanes[kLanes];
  for (size_t i = 0; i < kLanes; ++i) lanes[i] = i < n ? p[i] : fill;
  return load(lanes);
}
inline void store_first(float* p, size_t n, F32x16 v) {
  alignas(64) float lanes[kLanes];
  store(lanes, v);
  for (size_t i = 0; i < n; ++i) p[i] = lanes[i];
}

// Calls f(offset, v) for each 16 floats of x. If the last floats are fewer, `fill` completes v.
template <class Function>
inline void for_each_16(const float* x, size_t n, float fill, Function f) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i, load(x + i));
  if (i < n) f(i, load_first(x + i, n - i, fill));
}

// out[i] = f(x[i]) elementwise, 16 at a time.
template <class Function>
inline void map_16(const float* x, size_t n, float* out, Function f) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, f(i, load(x + i)));
  if (i < n) store_first(out + i, n - i, f(i, load_first(x + i, n - i, 0.0f)));
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, size_t n,
                float* out) {
  const float count = static_cast<float>(n);
  F32x16 partial = splat(0.0f);
  for_each_16(x, n, 0.0f, [&](size_t, F32x16 v) { partial = add(partial, v); });
  const float mean = sum(partial) / count;
  partial = splat(0.0f);
  // Filling up with the mean adds (mean - mean)^2 = 0.
  for_each_16(x, n, mean, [&](size_t, F32x16 v) {
    const F32x16 d = sub(v, splat(mean));
    partial = fma(d, d, partial);
  });
  const float rstd = 1.0f / square_root(sum(partial) / count + epsilon);
  map_16(x, n, out, [&](size_t i, F32x16 v) {
    const size_t left = n - i < kLanes ? n - i : kLanes;
    const F32x16 w = left == kLanes ? load(weight + i) : load_first(weight + i, left, 0.0f);
    const F32x16 b = left == kLanes ? load(bias + i) : load_first(bias + i, left, 0.0f);
    return fma(mul(sub(v, splat(mean)), splat(rstd)), w, b);
  });
}

void gelu_row(float* x, size_t n) {
  map_16(x, n, x, [](size_t, F32x16 v) { return gelu(v); });
}

void add_branches(float* x, const float* a, const float* b, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    store(x + i, add(load(x + i), add(load(a + i), load(b + i))));
  }
  for (; i < n; ++i) x[i] += a[i] + b[i];
}

void max_and_exp_sum(const float* x, size_t n, float* max_out, float* sum_out) {
  F32x16 largest = splat(-__builtin_inff());
  for_each_16(x, n, -__builtin_inff(), [&](size_t, F32x16 v) { largest = max(v, largest); });
  const float m = maximum(largest);
  F32x16 partial = splat(0.0f);
  for_each_16(x, n, -__builtin_inff(),
              [&](size_t, F32x16 v) { partial = add(partial, exp(sub(v, splat(m)))); });
  *max_out = m;
  *sum_out = sum(partial);
}

void exp_row(float* x, size_t n) {
  map_16(x, n, x, [](size_t, F32x16 v) { return exp(v); });
}
void tanh_row(float* x, size_t n) {
  map_16(x, n, x, [](size_t, F32x16 v) { return tanh(v); });
}

// Narrows x to `out`, 16 floats at a time. The last few go through a full vector of their own.
template <class Store>
inline void narrow_row(const float* x, size_t n, uint16_t* out, Store store_16) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_16(out + i, load(x + i));
  if (i == n) return;
  uint16_t tail[kLanes];
  store_16(tail, load_first(x + i, n - i, 0.0f));
  for (size_t j = 0; i + j < n; ++j) out[i + j] = tail[j];
}
size_t to_f16(const float* x, size_t n, uint16_t* out) {
  const F32x16 limit = splat(65504.0f), minus_limit = splat(-65504.0f);
  F32x16 largest = splat(0.0f);
  narrow_row(x, n, out, [&](uint16_t* p, F32x16 v) {
    largest = max(abs(v), largest);
    const F32x16 low = select_less(v, minus_limit, minus_limit, v);
    store_f16(p, select_less(limit, low, limit, low));
  });
  if (!(maximum(largest) > 65504.0f)) return 0;
  size_t clamped = 0;
  for (size_t i = 0; i < n; ++i) clamped += x[i] > 65504.0f || x[i] < -65504.0f;
  return clamped;
}
void to_bf16(const float* x, size_t n, uint16_t* out) {
  narrow_row(x, n, out, [](uint16_t* p, F32x16 v) { store_bf16(p, v); });
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
