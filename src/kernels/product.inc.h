// SPDX-License-Identifier: Apache-2.0
// Products and attention as blocks of fma chains, written once over F32x16. Include a vec_*.h
// first.
//
// One block holds R rows x P vectors of accumulators in registers. The chain of an element is the
// same in every block: i ascends over k, one fma a step.
#pragma once

#include "kernels/kernels.h"

#if defined(__clang__)
#define GPTJ_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GPTJ_UNROLL _Pragma("GCC unroll 16")
#endif

namespace gptj::GPTJ_ISA {
namespace {

// Kinds of chains. Each kind defines the stored type of the right-hand operands, the number of
// operands that are loaded at once (kStep), and a step of the chain (multiply_add).
struct Fma {
  static constexpr uint64_t kOperations = 2;  // operations of one step, per lane
  static F32x16 multiply_add(F32x16 x, F32x16 w, F32x16 acc) { return fma(x, w, acc); }
};
struct F32 : Fma {
  using Stored = float;
  static constexpr size_t kStep = 1;
  static void load_step(const Stored* p, F32x16* out) { out[0] = load(p); }
};
struct F16 : Fma {
  using Stored = uint16_t;
  static constexpr size_t kStep = 1;
  static void load_step(const Stored* p, F32x16* out) { out[0] = load_f16(p); }
};
struct BF16 : Fma {
  using Stored = uint16_t;
  static constexpr size_t kStep = 1;
  static void load_step(const Stored* p, F32x16* out) { out[0] = load_bf16(p); }
};
struct BF16Pairs : Fma {
  using Stored = uint16_t;
  static constexpr size_t kStep = 2;
  static void load_step(const Stored* p, F32x16* out) { load_bf16_pair(p, out[0], out[1]); }
};

// The operands of a block: out[r][p][lane] continues its chain with x[r][i] * w(p, i)[lane] for
// i = 0 .. k - 1, where w(p, i) stands at w + p * panel_stride + i * k_stride. Row r then takes
// min(r, stairs) further steps, because in causal attention each row sees one key more than the row
// before.
template <class W>
struct Chains {
  const float* x;
  size_t x_stride;
  const typename W::Stored* w;
  size_t panel_stride;
  size_t k_stride;
  size_t k;
  float* out;
  size_t out_stride;
  bool resume;  // false: the chains begin at 0; true: at the values in `out`
  size_t out_panel_stride = kLanes;
  size_t stairs = 0;  // only for kinds with a kStep of 1
  size_t ahead = 0;   // bytes by which a single row prefetches w
};

// The places from which R rows of x go on. One pointer and the stride address three rows. With one
// pointer for each of twelve rows, most pointers would be loaded again at every step.
template <int R>
struct RowsAt {
  static constexpr int kSharing = 3, kPointers = (R + kSharing - 1) / kSharing;
  RowsAt(const float* x, size_t row_stride) : stride(row_stride) {
    GPTJ_UNROLL for (int j = 0; j < kPointers; ++j) {
      at[j] = x + static_cast<size_t>(j * kSharing) * stride;
    }
  }
  F32x16 splat_of(int r, size_t i) const {
    return splat(at[r / kSharing][static_cast<size_t>(r % kSharing) * stride + i]);
  }
  void advance(size_t n) {
    GPTJ_UNROLL for (int j = 0; j < kPointers; ++j) {
      at[j] += n;
      __asm__("" : "+r"(at[j]));  // keeps compilers from making a pointer for every row again
    }
  }
  const float* at[kPointers];
  size_t stride;
};

// Does the kStep steps of every chain that begin at i, or the first `valid` of them. `offset` is
// the distance of i from the place where x stands.
template <class W, int R, int P>
inline void step(const Chains<W>& c, const RowsAt<R>& x, size_t offset, size_t i, size_t valid,
                 F32x16 (&acc)[R][P]) {
  F32x16 w[P][W::kStep];
  GPTJ_UNROLL for (int p = 0; p < P; ++p) {
    const auto* at = c.w + static_cast<size_t>(p) * c.panel_stride + i * c.k_stride;
    if (R == 1) prefetch(at, c.ahead);
    W::load_step(at, w[p]);
  }
  GPTJ_UNROLL for (size_t s = 0; s < W::kStep; ++s) {
    if (s < valid) {
      GPTJ_UNROLL for (int r = 0; r < R; ++r) {
        const F32x16 x_r = x.splat_of(r, offset + s);
        GPTJ_UNROLL for (int p = 0; p < P; ++p) {
          acc[r][p] = W::multiply_add(x_r, w[p][s], acc[r][p]);
        }
      }
    }
  }
}

// Does the last steps of a block whose rows end one after the other: row r takes min(r, stairs).
template <class W, int R, int P>
inline void climb(const Chains<W>& c, const RowsAt<R>& x, F32x16 (&acc)[R][P]) {
  GPTJ_UNROLL for (int stair = 1; stair < R; ++stair) {
    if (static_cast<size_t>(stair) <= c.stairs) {
      const size_t i = static_cast<size_t>(stair) - 1;
      F32x16 w[P][1];
      GPTJ_UNROLL for (int p = 0; p < P; ++p) {
        W::load_step(c.w + static_cast<size_t>(p) * c.panel_stride + (c.k + i) * c.k_stride, w[p]);
      }
      GPTJ_UNROLL for (int r = 0; r < R; ++r) {
        if (r >= stair) {
          const F32x16 x_r = x.splat_of(r, i);
          GPTJ_UNROLL for (int p = 0; p < P; ++p) {
            acc[r][p] = W::multiply_add(x_r, w[p][0], acc[r][p]);
          }
        }
      }
    }
  }
}

template <class W>
inline float* out_of(const Chains<W>& c, int r, int p) {
  return c.out + static_cast<size_t>(r) * c.out_stride +
         static_cast<size_t>(p) * c.out_panel_stride;
}

// Steps of a chain between two branches. Blocks of few rows wait for memory, so they take more
// steps, because a mispredicted branch would stop the reads ahead.
template <int R, int P>
constexpr size_t kUnrolledSteps = R == 1 && P <= 4 ? 8
                                  : R <= 4         ? 2
                                                   : 1;

template <class W, int R, int P>
void block(const Chains<W>& c) {
  constexpr size_t kSteps = kUnrolledSteps<R, P>;
  F32x16 acc[R][P];
  GPTJ_UNROLL for (int r = 0; r < R; ++r) {
    GPTJ_UNROLL for (int p = 0; p < P; ++p) {
      const float* out = out_of(c, r, p);
      acc[r][p] = c.resume ? load(out) : splat(0.0f);
    }
  }
  RowsAt<R> x(c.x, c.x_stride);
  size_t i = 0;
  for (; i + kSteps * W::kStep <= c.k; i += kSteps * W::kStep) {
    GPTJ_UNROLL for (size_t s = 0; s < kSteps; ++s) {
      step<W, R, P>(c, x, s * W::kStep, i + s * W::kStep, W::kStep, acc);
    }
    x.advance(kSteps * W::kStep);
  }
  for (; i + W::kStep <= c.k; i += W::kStep) {
    step<W, R, P>(c, x, 0, i, W::kStep, acc);
    x.advance(W::kStep);
  }
  if (i < c.k) step<W, R, P>(c, x, 0, i, c.k - i, acc);
  if constexpr (W::kStep == 1) {
    if (c.stairs > 0) climb<W, R, P>(c, x, acc);
  }
  GPTJ_UNROLL for (int r = 0; r < R; ++r) {
    GPTJ_UNROLL for (int p = 0; p < P; ++p) { store(out_of(c, r, p), acc[r][p]); }
  }
}

// Calls the block of exactly `rows` rows, 1 <= rows <= R.
template <class W, int R, int P>
inline void block_of(int rows, const Chains<W>& c) {
  if constexpr (R > 1) {
    if (rows < R) return block_of<W, R - 1, P>(rows, c);
  }
  block<W, R, P>(c);
}

// Computes `rows` rows, cut into blocks of nearly equal height, none above kBlockRows.
template <class W, int P>
inline void row_blocks(size_t rows, Chains<W> c) {
  const size_t blocks = (rows + kBlockRows - 1) / kBlockRows;
  for (size_t b = 0; b < blocks; ++b) {
    const size_t begin = rows * b / blocks, end = rows * (b + 1) / blocks;
    Chains<W> part = c;
    part.x += begin * c.x_stride;
    part.out += begin * c.out_stride;
    const size_t climbed = begin < c.stairs ? begin : c.stairs;
    part.k += climbed;
    part.stairs -= climbed;
    block_of<W, kBlockRows, P>(static_cast<int>(end - begin), part);
  }
}

// Computes all rows over `panels` neighbouring panels.
template <class W>
inline void panel_group(size_t rows, size_t panels, const Chains<W>& chains) {
  Chains<W> c = chains;
  // Computes as many groups of `size` panels as are left.
  const auto cover = [&](size_t size, const auto& compute) {
    while (panels >= size) {
      compute();
      c.w += size * c.panel_stride;
      c.out += size * kLanes;
      panels -= size;
    }
  };
  if (rows == 1) {
    cover(kRowPanels, [&] { block<W, 1, kRowPanels>(c); });
    cover(4, [&] { block<W, 1, 4>(c); });
    cover(1, [&] { block<W, 1, 1>(c); });
  } else {
    cover(kBlockPanels, [&] { row_blocks<W, kBlockPanels>(rows, c); });
    cover(1, [&] { row_blocks<W, 1>(rows, c); });
  }
}

inline void add_bias(const Product& a) {
  if (a.bias == nullptr) return;
  for (size_t r = 0; r < a.rows; ++r) {
    float* out = a.out + r * a.out_stride;
    for (size_t c = a.first_panel * kLanes; c < a.last_panel * kLanes; c += kLanes) {
      store(out + c, add(load(out + c), load(a.bias + c)));
    }
  }
}

constexpr size_t kBlockK = 512;  // inputs whose weights stay in cache while all rows pass over them

template <class W>
inline size_t panel_size(size_t k) {
  return (k + W::kStep - 1) / W::kStep * W::kStep * kLanes;
}

// Computes one row, at the speed of memory. The panels from `first` on are walked as S streams.
// Each stream goes through its part of the panels from end to end, so that the processor's
// prefetchers never lose a stream. Returns the first panel left over.
template <class W, int S>
size_t streams_of_row(const Product& a, size_t first) {
  const size_t panel = panel_size<W>(a.k), length = (a.last_panel - first) / S;
  const auto* x = static_cast<const float*>(a.x.data);
  const auto* panels = static_cast<const typename W::Stored*>(a.panels);
  for (size_t p = first; p < first + length; ++p) {
    block<W, 1, S>({.x = x,
                    .x_stride = 0,
                    .w = panels + p * panel,
                    .panel_stride = length * panel,
                    .k_stride = kLanes,
                    .k = a.k,
                    .out = a.out + p * kLanes,
                    .out_stride = 0,
                    .resume = false,
                    .out_panel_stride = length * kLanes,
                    .ahead = a.reading.ahead});
  }
  return first + S * length;
}

template <class W>
void product_of_row(const Product& a) {
  size_t p = a.first_panel;
  if (a.reading.streams == 4) p = streams_of_row<W, 4>(a, p);
  if (a.reading.streams >= 3) p = streams_of_row<W, 3>(a, p);
  if (a.reading.streams >= 2) p = streams_of_row<W, 2>(a, p);
  streams_of_row<W, 1>(a, p);
  add_bias(a);
}

// Computes all rows. Each panel is read from memory once, as it is stored.
template <class W>
void product_direct(const Product& a) {
  const size_t panel = panel_size<W>(a.k);
  const auto* panels = static_cast<const typename W::Stored*>(a.panels);
  const auto* x = static_cast<const float*>(a.x.data);
  const size_t group = kBlockPanels;
  const size_t block_k = a.rows <= kBlockRows ? a.k : kBlockK;
  for (size_t p = a.first_panel; p < a.last_panel; p += group) {
    const size_t n = a.last_panel - p < group ? a.last_panel - p : group;
    for (size_t k = 0; k < a.k; k += block_k) {
      const size_t length = a.k - k < block_k ? a.k - k : block_k;
      panel_group<W>(a.rows, n,
                     {x + k, a.x.stride, panels + p * panel + k * kLanes, panel, kLanes, length,
                      a.out + p * kLanes, a.out_stride, k > 0});
    }
  }
  add_bias(a);
}

// Computes many rows with weights narrower than f32. Each block of a panel group is widened to f32
// once, then used for all rows.
template <class W>
void product_widened(const Product& a) {
  const size_t panel = panel_size<W>(a.k);
  const auto* panels = static_cast<const typename W::Stored*>(a.panels);
  const auto* x = static_cast<const float*>(a.x.data);
  for (size_t p = a.first_panel; p < a.last_panel; p += kBlockPanels) {
    const size_t n = a.last_panel - p < kBlockPanels ? a.last_panel - p : kBlockPanels;
    for (size_t k = 0; k < a.k; k += kBlockK) {
      const size_t length = a.k - k < kBlockK ? a.k - k : kBlockK;
      for (size_t j = 0; j < n; ++j) {
        const auto* source = panels + (p + j) * panel + k * kLanes;
        float* target = a.scratch + j * kBlockK * kLanes;
        for (size_t i = 0; i < length; i += W::kStep) {
          F32x16 w[W::kStep];
          W::load_step(source + i * kLanes, w);
          for (size_t s = 0; s < W::kStep; ++s) store(target + (i + s) * kLanes, w[s]);
        }
      }
      panel_group<F32>(a.rows, n,
                       {x + k, a.x.stride, a.scratch, kBlockK * kLanes, kLanes, length,
                        a.out + p * kLanes, a.out_stride, k > 0});
    }
  }
  add_bias(a);
}

template <class W>
void product(const Product& a) {
  constexpr bool kNarrow = sizeof(typename W::Stored) < sizeof(float);
  if (a.rows == 1) {
    product_of_row<W>(a);
  } else if (kNarrow && a.rows > kBlockRows) {
    product_widened<W>(a);
  } else {
    product_direct<W>(a);
  }
}

// Does the multiplications of W's chains on registers alone. Returns the operations done.
template <class W>
uint64_t chain_burst(uint64_t steps) {
  F32x16 acc[kBurstChains];
  GPTJ_UNROLL for (int i = 0; i < kBurstChains; ++i) acc[i] = splat(static_cast<float>(i));
  const F32x16 a = splat(0.999f), b = splat(0.001f);
  for (uint64_t s = 0; s < steps; ++s) {
    GPTJ_UNROLL for (int i = 0; i < kBurstChains; ++i) acc[i] = W::multiply_add(a, b, acc[i]);
  }
  F32x16 total = splat(0.0f);
  GPTJ_UNROLL for (int i = 0; i < kBurstChains; ++i) total = add(total, acc[i]);
  // The comparison keeps the compiler from dropping the work; the sum is never that.
  return sum(total) == 1e30f ? 0 : steps * kBurstChains * kLanes * W::kOperations;
}

}  // namespace
}  // namespace gptj::GPTJ_ISA

#define GPTJ_CHAIN_PRODUCT(isa_name, stored)                                                    \
  {                                                                                             \
    .compute = &GPTJ_ISA::product<GPTJ_ISA::stored>, .operand = Operand::kF32, .isa = isa_name, \
    .burst = &GPTJ_ISA::chain_burst<GPTJ_ISA::stored>                                           \
  }
