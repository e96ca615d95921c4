// SPDX-License-Identifier: Apache-2.0
// The contract of the arithmetic. Every instruction set fills one KernelTable with functions that
// compute the same operations in the same order, element by element, so that all give the same
// bits. Kernels work on plain pointers: they allocate nothing, lock nothing and never throw.
//
// This header is compiled into files with instruction-set flags: C headers only.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace gptj {

// Width of a panel: one panel of a packed matrix holds this many output columns.
constexpr size_t kLanes = 16;
// Positions in one page of the KV cache.
constexpr size_t kPagePositions = 64;

// How the elements of a packed matrix or of a KV page are stored.
enum class Element : uint8_t { kF32, kF16, kBF16 };
constexpr size_t kElements = 3;
constexpr size_t element_size(Element e) { return e == Element::kF32 ? 4 : 2; }

// A packed matrix of n outputs by k inputs is ceil(n / 16) panels, each holding 16 outputs:
//   f32, f16: panel[i][lane], i ascending over k
//   bf16:     panel[i / 2][lane][i % 2], the last pair padded with zero where k is odd
// Outputs past n are zero.
constexpr size_t panel_elements(Element e, size_t k) {
  return (e == Element::kBF16 ? (k + 1) / 2 * 2 : k) * kLanes;
}

// out[r][c] = (sum over ascending i of x[r][i] * w[c][i], one fma chain from 0) + bias[c]
// for the columns of panels first_panel .. last_panel - 1.
struct Product {
  const float* x;
  size_t x_stride;  // floats from one row to the next
  size_t rows;
  size_t k;
  const void* panels;  // of the whole matrix
  size_t first_panel, last_panel;
  const float* bias;  // null: none; else padded to whole panels
  float* out;         // of the whole result: column c at out[c]
  size_t out_stride;  // at least the padded number of columns
  float* scratch;     // kProductScratch floats, this thread's own, 64-byte aligned
};
constexpr size_t kProductScratch = 512 * 4 * kLanes;

// Causal attention of one head over `rows` consecutive positions of one sequence. Row r stands at
// first_position + r and sees the keys 0 .. first_position + r:
//   s_j = scale * (chain over ascending d of q[d] * k_j[d]), softmax over pages in ascending order
//   with one online state, out = sum p_j v_j / sum p_j (DESIGN.md, rules of the bits).
struct Attention {
  const float* q;  // row r at q + r * q_stride, head_dim floats
  size_t q_stride;
  float* out;
  size_t out_stride;
  size_t rows;
  size_t first_position;
  const void* const* k_pages;  // page p: [head_dim][64], keys as lanes
  const void* const* v_pages;  // page p: [64][head_dim padded to 16]
  size_t head_dim;
  float scale;
  float* scratch;  // attention_scratch(head_dim) floats, 64-byte aligned
};
constexpr size_t padded(size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }
constexpr size_t kAttentionRows = 12;  // rows that share one pass over a page
constexpr size_t attention_scratch(size_t head_dim) {
  return kAttentionRows * (kPagePositions + padded(head_dim));
}

struct KernelTable {
  const char* isa;

  void (*product[kElements])(const Product&);
  void (*attention[kElements])(const Attention&);

  // out = fma((x - mean) * rstd, weight, bias), rstd = 1 / sqrt(var + epsilon), biased variance,
  // two passes, sums in 16 partials.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float epsilon,
                     size_t n, float* out);
  // gelu_new: x = 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  void (*gelu)(float* x, size_t n);
  // x += a + b
  void (*add_branches)(float* x, const float* a, const float* b, size_t n);
  // maximum of x, and sum of exp(x - maximum) in 16 partials; n >= 1
  void (*max_and_exp_sum)(const float* x, size_t n, float* maximum, float* sum);
  // x = exp(x) for x <= 0, and x = tanh(x): for the tests.
  void (*exp)(float* x, size_t n);
  void (*tanh)(float* x, size_t n);
  // Rounds to nearest even. to_f16 holds what f16 has no room for at +-65504 and returns how many.
  size_t (*to_f16)(const float* x, size_t n, uint16_t* out);
  void (*to_bf16)(const float* x, size_t n, uint16_t* out);

  // For measuring the machine. fma_burst: `steps` times 16 independent vector fmas in registers;
  // returns the floating-point operations done. read_streams: reads `bytes` (a multiple of 4096) as
  // `streams` (1 or 4) sequential streams at once; returns something that depends on every byte.
  uint64_t (*fma_burst)(uint64_t steps);
  uint64_t (*read_streams)(const void* data, size_t bytes, size_t streams);
};

extern const KernelTable kPortableKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
#endif

}  // namespace gptj
