// SPDX-License-Identifier: Apache-2.0
// Quantization of activations to int8, and of weights to int8 and int4, written once over F32x16.
// Include a vec_*.h first.
#pragma once

#include "kernels/elementary.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

// Calls f(i, v) for i = 0, 16, ... below n: v is x[i] .. x[i + 15], zero from x[k] on.
template <class Function>
inline void for_each_16_padded(const float* x, size_t k, size_t n, Function f) {
  for (size_t i = 0; i < n; i += kLanes) {
    if (i + kLanes <= k) {
      f(i, load(x + i));
    } else {
      f(i, i < k ? load_first(x + i, k - i, 0.0f) : splat(0.0f));
    }
  }
}

constexpr float kRoundingShift = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
inline F32x16 nearest(F32x16 x) {
  return sub(add(x, splat(kRoundingShift)), splat(kRoundingShift));
}
inline F32x16 min(F32x16 a, F32x16 b) { return select_less(a, b, a, b); }
inline F32x16 rounded_to_f16(F32x16 x) {
  uint16_t half[kLanes];
  store_f16(half, x);
  return load_f16(half);
}

void quantize_row(const float* x, size_t k, size_t group, int8_t* q, float* scales, int32_t* sums) {
  const size_t end = padded_inputs(k);
  for (size_t begin = 0; begin < end; begin += group, ++scales, ++sums) {
    const size_t n = end - begin < group ? end - begin : group;
    const size_t inside = begin < k ? k - begin : 0;
    F32x16 largest = splat(0.0f);
    for_each_16_padded(x + begin, inside, n,
                       [&](size_t, F32x16 v) { largest = max_magnitude(largest, v); });
    const float amax = maximum_magnitude(largest);
    const bool finite = amax < __builtin_inff();
    const bool tiny = amax < 0x1p-96f;
    *scales = !finite ? __builtin_nanf("") : tiny ? 0.0f : amax / 127.0f;
    const F32x16 r = splat(finite && !tiny ? 127.0f / amax : 0.0f);
    for_each_16_padded(x + begin, inside, n, [&](size_t i, F32x16 v) {
      const F32x16 scaled = finite ? mul(v, r) : splat(0.0f);
      store_low_bytes(q + begin + i, add(scaled, splat(kRoundingShift)));
    });
    int32_t total = 0;
    for (size_t i = 0; i < n; ++i) total += q[begin + i];
    *sums = total;
  }
}

// Returns 1 / s, or 0 if s is not positive and finite.
inline F32x16 reciprocal(F32x16 s) {
  const F32x16 zero = splat(0.0f), infinity = splat(__builtin_inff());
  const F32x16 r = select_less(zero, s, div(splat(1.0f), s), zero);
  return select_less(s, infinity, r, zero);
}

void quantize_int8(const float* w, size_t n, int8_t* q, uint16_t* scales) {
  F32x16 largest = splat(0.0f);
  for (size_t i = 0; i < n; ++i) largest = max_magnitude(largest, load(w + i * kLanes));
  const F32x16 s = rounded_to_f16(div(largest, splat(127.0f)));
  const F32x16 r = reciprocal(s), limit = splat(127.0f), minus_limit = splat(-127.0f);
  for (size_t i = 0; i < n; ++i) {
    const F32x16 scaled = min(max(mul(load(w + i * kLanes), r), minus_limit), limit);
    store_low_bytes(q + i * kLanes, add(scaled, splat(kRoundingShift)));
  }
  store_f16(scales, s);
}

// Quantizes with the best of several scales, by squared error. The first candidates are the whole
// range and ranges that are clipped a little. Each candidate is then refined: it moves to the scale
// of least squares for the numbers that it leads to.
void quantize_int4(const float* w, size_t n, int8_t* q, uint16_t* scales, int8_t* zeros) {
  constexpr int kClips = 6, kRefinements = 2;
  constexpr float kClipStep = 0.04f;
  const F32x16 none = splat(0.0f), levels = splat(15.0f);
  F32x16 low = none, high = none, largest = none;
  for (size_t i = 0; i < n; ++i) {
    const F32x16 v = load(w + i * kLanes);
    low = min(v, low);
    high = max(v, high);
    largest = max_magnitude(largest, v);
  }
  const F32x16 range = sub(high, low);
  const F32x16 zero =
      min(max(nearest(mul(mul(low, splat(-15.0f)), reciprocal(range))), none), levels);
  const F32x16 q_low = sub(none, zero), q_high = sub(levels, zero);
  const auto quantized = [&](F32x16 v, F32x16 r) {
    return min(max(nearest(mul(v, r)), q_low), q_high);
  };
  const F32x16 infinity = splat(__builtin_inff());
  F32x16 best = infinity, scale = infinity;  // the scale stays infinite if no candidate fits f16
  for (int clip = 0; clip < kClips; ++clip) {
    const float part = 1.0f - kClipStep * static_cast<float>(clip);
    F32x16 s = rounded_to_f16(mul(range, splat(part / 15.0f)));
    for (int step = 0; step <= kRefinements; ++step) {
      const F32x16 r = reciprocal(s);
      F32x16 error = none, weighted = none, squares = none;
      for (size_t i = 0; i < n; ++i) {
        const F32x16 v = load(w + i * kLanes), level = quantized(v, r);
        const F32x16 off = fma(sub(none, s), level, v);
        error = fma(off, off, error);
        weighted = fma(v, level, weighted);
        squares = fma(level, level, squares);
      }
      scale = select_less(error, best, s, scale);
      best = select_less(error, best, error, best);
      s = select_less(none, squares, rounded_to_f16(mul(weighted, reciprocal(squares))), s);
    }
  }
  // If a weight is not finite, the scale becomes NaN, and so does every product with it.
  scale = select_less(largest, infinity, scale, splat(__builtin_nanf("")));
  const F32x16 r = reciprocal(scale);
  for (size_t i = 0; i < n; ++i) {
    const F32x16 level = add(quantized(load(w + i * kLanes), r), zero);
    store_low_bytes(q + i * kLanes, add(level, splat(kRoundingShift)));
  }
  store_f16(scales, scale);
  store_low_bytes(zeros, add(zero, splat(kRoundingShift)));
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
