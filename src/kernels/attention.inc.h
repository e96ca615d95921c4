// SPDX-License-Identifier: Apache-2.0
// Causal attention over pages with an online softmax, written once over F32x16. Include a vec_*.h
// first. Both of its products are blocks of fma chains as in product.inc.h.
#pragma once

#include "kernels/elementary.inc.h"
#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

constexpr size_t kPageVectors = kPagePositions / kLanes;

inline float exp_of(float x) {
  alignas(64) float lanes[kLanes];
  store(lanes, exp(splat(x)));
  return lanes[0];
}

struct SoftmaxState {
  float m;   // the largest score so far
  F32x16 l;  // the sum of probabilities against it: key j in slot j mod 16
};

// s[0 .. 63] are dots, the first `visible` of them valid; they become the probabilities p_j against
// the new maximum. Returns a, the factor for what was summed against the old one.
inline float softmax_page(float* s, size_t visible, float scale, SoftmaxState& state) {
  alignas(64) static constexpr float kLaneIndex[kLanes] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                           8, 9, 10, 11, 12, 13, 14, 15};
  const F32x16 minus_infinity = splat(-__builtin_inff());
  F32x16 score[kPageVectors];
  F32x16 largest = minus_infinity;
  for (size_t v = 0; v < kPageVectors; ++v) {
    const F32x16 key = add(load(kLaneIndex), splat(static_cast<float>(v * kLanes)));
    const F32x16 scaled = mul(load(s + v * kLanes), splat(scale));
    score[v] = select_less(key, splat(static_cast<float>(visible)), scaled, minus_infinity);
    largest = max(score[v], largest);
  }
  const float page_maximum = maximum(largest);
  const float m = page_maximum > state.m ? page_maximum : state.m;
  const float a = exp_of(state.m - m);
  F32x16 page_sum = splat(0.0f);
  for (size_t v = 0; v < kPageVectors; ++v) {
    const F32x16 p = exp(sub(score[v], splat(m)));  // 0 past the visible keys
    store(s + v * kLanes, p);
    page_sum = add(page_sum, p);
  }
  state.l = fma(state.l, splat(a), page_sum);
  state.m = m;
  return a;
}

inline void scale_row(float* o, size_t n, float a) {
  for (size_t d = 0; d < n; d += kLanes) store(o + d, mul(load(o + d), splat(a)));
}

// Rows first .. first + rows - 1 of the task, at most kAttentionRows of them.
template <class W>
void attention_rows(const Attention& t, size_t first, size_t rows) {
  const size_t width = padded(t.head_dim);
  float* s = t.scratch;
  float* o = t.scratch + kAttentionRows * kPagePositions;
  SoftmaxState state[kAttentionRows];
  for (size_t r = 0; r < rows; ++r) {
    state[r] = {-__builtin_inff(), splat(0.0f)};
    for (size_t d = 0; d < width; d += kLanes) store(o + r * width + d, splat(0.0f));
  }
  const size_t position = t.first_position + first;
  for (size_t page = 0; page * kPagePositions < position + rows; ++page) {
    const size_t page_begin = page * kPagePositions;
    const auto* k = static_cast<const typename W::Stored*>(t.k_pages[page]);
    const auto* v = static_cast<const typename W::Stored*>(t.v_pages[page]);
    // Rows before `begin` see none of this page.
    const size_t begin = page_begin > position ? page_begin - position : 0;
    const auto visible = [&](size_t r) {
      const size_t keys = position + r + 1 - page_begin;
      return keys < kPagePositions ? keys : kPagePositions;
    };
    panel_group<W>(rows - begin, kPageVectors,
                   {t.q + (first + begin) * t.q_stride, t.q_stride, k, kLanes, kPagePositions,
                    t.head_dim, s + begin * kPagePositions, kPagePositions, false});
    for (size_t r = begin; r < rows; ++r) {
      const float a = softmax_page(s + r * kPagePositions, visible(r), t.scale, state[r]);
      scale_row(o + r * width, width, a);
    }
    // The keys that all rows see, together; then what later rows see besides, each alone.
    const size_t common = visible(begin);
    panel_group<W>(rows - begin, width / kLanes,
                   {s + begin * kPagePositions, kPagePositions, v, kLanes, width, common,
                    o + begin * width, width, true});
    for (size_t r = begin + 1; r < rows; ++r) {
      if (visible(r) == common) continue;
      panel_group<W>(1, width / kLanes,
                     {s + r * kPagePositions + common, kPagePositions, v + common * width, kLanes,
                      width, visible(r) - common, o + r * width, width, true});
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    const F32x16 l = splat(sum(state[r].l));
    map_16(o + r * width, t.head_dim, t.out + (first + r) * t.out_stride,
           [&](size_t, F32x16 x) { return div(x, l); });
  }
}

template <class W>
void attention(const Attention& t) {
  for (size_t first = 0; first < t.rows; first += kBlockRows) {
    const size_t left = t.rows - first;
    attention_rows<W>(t, first, left < kBlockRows ? left : kBlockRows);
  }
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
