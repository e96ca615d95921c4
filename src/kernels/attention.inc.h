// SPDX-License-Identifier: Apache-2.0
// Causal attention over pages with an online softmax, written once over F32x16. Its two products, q
// k and p v, are blocks of fma chains as in product.inc.h. Include a vec_*.h first.
#pragma once

#include "kernels/elementary.inc.h"
#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

constexpr size_t kPageVectors = kPagePositions / kLanes;
// Bytes that a single row reads ahead. Measured: with f16 and int8, attention is a quarter faster
// than with the distance that products use, because the steps of products take longer.
constexpr size_t kReadAhead = 4096;

// Keys and values of 8 bits. Their scales are applied to the dots and to the probabilities.
struct CachedInt8 : Fma {
  using Stored = int8_t;
  static constexpr size_t kStep = 1;
  static void load_step(const Stored* p, F32x16* out) { out[0] = load_int8(p); }
};
template <class W>
constexpr bool kScaled = sizeof(typename W::Stored) == 1;

// One head's part of a page: keys, values and, for int8, scales.
template <class W>
struct Page {
  Page(const Attention& t, const void* page)
      : k(static_cast<const typename W::Stored*>(page) +
          t.page_offset / sizeof(typename W::Stored)),
        v(k + t.head_dim * kPagePositions),
        scales(v + padded(t.head_dim) * kPagePositions) {}
  // Prefetches the beginning of the part, because no earlier read is close before it.
  void prefetch() const {
    for (size_t i = 0; i < kReadAhead; i += 64) GPTJ_ISA::prefetch(k, i);
  }
  const float* k_scales() const { return static_cast<const float*>(scales); }
  const float* v_scales() const { return k_scales() + kPagePositions; }

  const typename W::Stored* k;
  const typename W::Stored* v;
  const void* scales;
};

inline float exp_of(float x) {
  alignas(64) float lanes[kLanes];
  store(lanes, exp(splat(x)));
  return lanes[0];
}

struct SoftmaxState {
  float m;   // the largest score so far
  F32x16 l;  // the sum of exp(score - m): key j in slot j mod 16
};

// Turns the dots s[0 .. visible - 1] of one page into the factors of the page's values. The factors
// are the probabilities p_j = exp(score_j - m) against the new maximum m; for int8, p_j times the
// value's scale. Updates the state. Returns the factor a = exp(old m - m), by which the caller must
// multiply the sums of earlier pages.
template <class W>
inline float softmax_page(float* s, size_t visible, float scale, const Page<W>& page,
                          SoftmaxState& state) {
  alignas(64) static constexpr float kLaneIndex[kLanes] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                           8, 9, 10, 11, 12, 13, 14, 15};
  const F32x16 minus_infinity = splat(-__builtin_inff());
  const size_t vectors = (visible + kLanes - 1) / kLanes;
  F32x16 score[kPageVectors];
  F32x16 largest = minus_infinity;
  for (size_t v = 0; v < vectors; ++v) {
    const F32x16 key = add(load(kLaneIndex), splat(static_cast<float>(v * kLanes)));
    F32x16 dot = load(s + v * kLanes);
    if constexpr (kScaled<W>) dot = mul(load(page.k_scales() + v * kLanes), dot);
    const F32x16 scaled = mul(dot, splat(scale));
    score[v] = select_less(key, splat(static_cast<float>(visible)), scaled, minus_infinity);
    largest = max(score[v], largest);
  }
  const float page_maximum = maximum(largest);
  const float m = page_maximum > state.m ? page_maximum : state.m;
  const float a = m == state.m ? 1.0f : exp_of(state.m - m);  // exp(0) is exactly 1
  F32x16 page_sum = splat(0.0f);
  for (size_t v = 0; v < vectors; ++v) {
    F32x16 p = exp(sub(score[v], splat(m)));  // 0 past the visible keys
    page_sum = add(page_sum, p);
    if constexpr (kScaled<W>) p = mul(p, load(page.v_scales() + v * kLanes));
    store(s + v * kLanes, p);
  }
  state.l = fma(state.l, splat(a), page_sum);
  state.m = m;
  return a;
}

inline void scale_row(float* o, size_t n, float a) {
  for (size_t d = 0; d < n; d += kLanes) store(o + d, mul(load(o + d), splat(a)));
}

// Some rows of a task on their way through pages. Row r stands at position + r. The members `s` and
// `o` are the rows' parts of the task's scratch.
struct RowsOnTheirWay {
  RowsOnTheirWay(const Attention& task, size_t first_row, const AttentionSpan& span,
                 SoftmaxState* states)
      : t(task),
        pages(span.pages),
        first(first_row),
        rows(span.rows),
        position(span.first_position),
        prefix(span.prefix),
        width(padded(task.head_dim)),
        s(task.scratch + first * kPagePositions),
        o(task.scratch + kAttentionRows * kPagePositions + first * width),
        state(states + first) {}
  // Returns the first row that sees the key at position `key`.
  size_t first_to_see(size_t key) const {
    return prefix == 0 && key > position ? key - position : 0;
  }
  // Returns how many keys row r sees of the page that begins at position `begin`.
  size_t visible(size_t r, size_t begin) const {
    const size_t keys = (prefix > 0 ? prefix : position + r + 1) - begin;
    return keys < kPagePositions ? keys : kPagePositions;
  }

  const Attention& t;
  const void* const* pages;
  size_t first, rows, position, prefix, width;
  float* s;  // [rows][64]: scores of a page, then probabilities
  float* o;  // [rows][width]: the sums so far
  SoftmaxState* state;
};

// Computes s = q k for the keys of one page, a few panels of 16 keys at a time. Rows that see none
// of the keys at hand are left out.
template <class W>
void page_dots(const RowsOnTheirWay& x, const Page<W>& page, size_t begin) {
  const Attention& t = x.t;
  const size_t panels = x.rows == 1 ? kPageVectors : kBlockPanels;
  for (size_t key = 0; key < kPagePositions; key += panels * kLanes) {
    const size_t r = x.first_to_see(begin + key);
    if (r >= x.rows) break;
    panel_group<W>(x.rows - r, panels,
                   {.x = t.q + (x.first + r) * t.q_stride,
                    .x_stride = t.q_stride,
                    .w = page.k + key,
                    .panel_stride = kLanes,
                    .k_stride = kPagePositions,
                    .k = t.head_dim,
                    .out = x.s + r * kPagePositions + key,
                    .out_stride = kPagePositions,
                    .resume = false,
                    .ahead = kReadAhead});
  }
}

// Computes o += p v for the values of one page: first over the keys that all these rows see, then
// for each row over the further keys that the row sees.
template <class W>
void add_page_values(const RowsOnTheirWay& x, const Page<W>& page, size_t begin) {
  const size_t r = x.first_to_see(begin), common = x.visible(r, begin);
  panel_group<W>(x.rows - r, x.width / kLanes,
                 {.x = x.s + r * kPagePositions,
                  .x_stride = kPagePositions,
                  .w = page.v,
                  .panel_stride = kLanes,
                  .k_stride = x.width,
                  .k = common,
                  .out = x.o + r * x.width,
                  .out_stride = x.width,
                  .resume = begin > 0,
                  .stairs = x.prefix > 0 ? 0 : kPagePositions - common,
                  .ahead = kReadAhead});
}

// Takes the rows through pages first_page .. last_page - 1.
template <class W>
void pass_pages(const RowsOnTheirWay& x, size_t first_page, size_t last_page) {
  for (size_t p = first_page; p < last_page; ++p) {
    const Page<W> page(x.t, x.pages[p]);
    const size_t begin = p * kPagePositions;
    page_dots(x, page, begin);
    if (x.rows == 1 && p + 1 < last_page) Page<W>(x.t, x.pages[p + 1]).prefetch();
    for (size_t r = x.first_to_see(begin); r < x.rows; ++r) {
      const float a =
          softmax_page(x.s + r * kPagePositions, x.visible(r, begin), x.t.scale, page, x.state[r]);
      if (begin > 0 && a != 1.0f) scale_row(x.o + r * x.width, x.width, a);
    }
    add_page_values(x, page, begin);
  }
}

template <class W>
void attention(const Attention& t) {
  SoftmaxState state[kAttentionRows];
  size_t rows = 0;
  for (size_t i = 0; i < t.n_spans; ++i) rows += t.spans[i].rows;
  for (size_t r = 0; r < rows; ++r) state[r] = {-__builtin_inff(), splat(0.0f)};

  // All rows as one span. It stands after the common pages, so every row sees them in full.
  const AttentionSpan common{rows, t.common_pages * kPagePositions, t.spans[0].pages};
  pass_pages<W>(RowsOnTheirWay(t, 0, common, state), 0, t.common_pages);
  size_t first = 0;
  for (size_t i = 0; i < t.n_spans; ++i) {
    const AttentionSpan& span = t.spans[i];
    const size_t keys = span.prefix > 0 ? span.prefix : span.first_position + span.rows;
    pass_pages<W>(RowsOnTheirWay(t, first, span, state), t.common_pages,
                  (keys + kPagePositions - 1) / kPagePositions);
    first += span.rows;
  }
  const float* o = t.scratch + kAttentionRows * kPagePositions;
  for (size_t r = 0; r < rows; ++r) {
    const F32x16 l = splat(sum(state[r].l));
    map_16(o + r * padded(t.head_dim), t.head_dim, t.out + r * t.out_stride,
           [&](size_t, F32x16 v) { return div(v, l); });
  }
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
