// SPDX-License-Identifier: Apache-2.0
// The contract of the arithmetic. Every instruction set fills one KernelTable with functions that
// compute the same operations in the same order, element by element, so that all sets give the same
// bits. Kernels work on plain pointers: they allocate nothing, lock nothing and never throw.
//
// This header includes C headers only, because files with instruction-set flags include it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/weight_types.h"

namespace gptj {

// Width of a panel: one panel of a packed matrix holds this many output columns.
constexpr size_t kLanes = 16;
// Positions in one page of the KV cache.
constexpr size_t kPagePositions = size_t{kKvPagePositions};

// The type in which elements of a packed matrix or of a KV page are stored.
using Element = WeightType;
// Returns the bytes of one value of f32, f16 or bf16, or of int8 in a KV page.
constexpr size_t element_size(Element e) { return facts(e).bits / 8; }

constexpr size_t round_up(size_t n, size_t step) { return (n + step - 1) / step * step; }
constexpr size_t padded(size_t n) { return round_up(n, kLanes); }

// In quantized types, `group` neighbouring inputs share a scale. A group has 32, 64 or 128 inputs;
// the last group may be shorter. tests/support/quant.h defines the numbers.
constexpr size_t kMaxGroup = 128;
constexpr size_t padded_inputs(size_t k) { return round_up(k, 64); }
constexpr size_t group_count(size_t k, size_t group) {
  return (padded_inputs(k) + group - 1) / group;
}

// A packed matrix of n outputs by k inputs is ceil(n / 16) panels, each holding 16 outputs:
//   f32, f16: panel[i][lane], i ascending over k
//   bf16:     panel[i / 2][lane][i % 2], the last pair padded with zero where k is odd
//   int8, int4: chunks of 8 groups (the last may have fewer), each a head and then numbers:
//     head: f16 scales[group][lane]; int4: zero points zeros[group][8 bytes], lane l < 8 in the low
//           bits of byte l, lane l + 8 in its high bits; padded to 64 bytes
//     int8: bytes q + 128 as [i / 4][lane][i % 4], i the input within the chunk
//     int4: bytes [i / 8][lane][i % 4], inputs with i % 8 < 4 in the low four bits,
//           the others in the high ones
// Quantized panels are padded to 64 inputs. Outputs past n are zero.
constexpr size_t kChunkGroups = 8;
constexpr size_t chunk_head_bytes(Element e, size_t groups) {
  return round_up(groups * (kLanes * 2 + (facts(e).zero_points ? kLanes / 2 : 0)), 64);
}
constexpr size_t number_bytes(Element e, size_t inputs) {
  return inputs * kLanes * facts(e).bits / 8;
}
constexpr size_t chunk_bytes(Element e, size_t group) {
  return chunk_head_bytes(e, kChunkGroups) + number_bytes(e, kChunkGroups * group);
}
constexpr size_t panel_bytes(Element e, size_t k, size_t group) {
  if (!facts(e).quantized) return number_bytes(e, e == Element::kBF16 ? round_up(k, 2) : k);
  const size_t groups = group_count(k, group);
  return groups / kChunkGroups * chunk_head_bytes(e, kChunkGroups) +
         chunk_head_bytes(e, groups % kChunkGroups) + number_bytes(e, padded_inputs(k));
}

// Rows of int8 that a quantized product multiplies in little more time than one row.
constexpr int kInt8Rows = 4;

// The element types in which products take their rows of activations.
enum class Operand : uint8_t { kF32, kBF16, kInt8 };
struct Rows {
  const void* data;  // f32; bf16 and int8, padded with zeros to padded_inputs(k)
  size_t stride;     // elements from one row to the next
  // int8 alone: the scale and the sum of group g of row r stand at [r * groups + g].
  const float* scales = nullptr;
  const int32_t* sums = nullptr;  // the sum of the group's numbers
  size_t groups = 0;
};

// The way in which a single row's product reads its panels. It changes the speed, never the result.
struct RowReading {
  size_t streams = 4;   // panels walked at once, 1 to 4
  size_t ahead = 1280;  // bytes by which reads are prefetched; 0: left to the processor

  bool operator==(const RowReading&) const = default;
};

// A product, for the columns c of panels first_panel .. last_panel - 1.
// With f32 and f16 weights, and with bf16 weights if rows are f32:
//   out[r][c] = (sum over ascending i of x[r][i] * w[c][i], one fma chain from 0) + bias[c]
// With quantized weights, acc begins at 0 and takes the groups g in ascending order:
//   dot = sum over i in g of (q[c][i] - zero[c][g]) * xq[r][i], an exact integer
//   acc = fma(float(dot), sx[r][g] * sw[c][g], acc)
// and then out[r][c] = acc + bias[c].
struct Product {
  Rows x;
  size_t rows;
  size_t k;
  size_t group;  // quantized weights alone
  RowReading reading;
  const void* panels;  // all panels of the matrix
  size_t first_panel, last_panel;
  const float* bias;  // null: none; else padded to whole panels
  float* out;         // row 0 of the whole result: column c at out[c]
  size_t out_stride;  // at least the padded number of columns
  float* scratch;     // kProductScratch floats, this thread's own, 64-byte aligned
};
constexpr size_t kProductScratch = 512 * 4 * kLanes;

// The layout of one head's part of a KV page: keys as [head_dim][64], so that keys are lanes;
// values as [64][head_dim padded to 16]; for int8 also f32 scales of the 64 keys, then of the 64
// values.
constexpr size_t kv_values_offset(Element e, size_t head_dim) {
  return head_dim * kPagePositions * element_size(e);
}
constexpr size_t kv_scales_offset(Element e, size_t head_dim) {
  return kv_values_offset(e, head_dim) + padded(head_dim) * kPagePositions * element_size(e);
}
constexpr size_t kv_head_bytes(Element e, size_t head_dim) {
  return kv_scales_offset(e, head_dim) + (e == Element::kInt8 ? 2 * kPagePositions * 4 : 0);
}

// Consecutive positions of one sequence. Row r stands at first_position + r and sees the keys
// 0 .. first_position + r, or, in a bidirectional prompt, all keys of the prompt.
struct AttentionSpan {
  size_t rows;
  size_t first_position;
  const void* const* pages;  // the sequence's pages
  size_t prefix = 0;         // keys that all rows see; 0: causal
};

// Causal attention of one head. The rows are those of some spans, one span after the other:
//   s_j = scale * (chain over ascending d of q[d] * k_j[d]), softmax over pages in ascending order
//   with one online state, out = sum p_j v_j / sum p_j.
// int8 keys and values are widened, and have scales sk_j and sv_j:
//   s_j = scale * (sk_j * chain), out = sum (p_j * sv_j) v_j / sum p_j.
// The pages that all spans share, and that all rows see in full, are read once for all rows.
struct Attention {
  const float* q;  // row r at q + r * q_stride, head_dim floats
  size_t q_stride;
  float* out;
  size_t out_stride;
  const AttentionSpan* spans;
  size_t n_spans;       // 1 or more; together they have at most kAttentionRows rows
  size_t common_pages;  // leading pages of the first span that are also those of all other spans
  size_t page_offset;   // bytes from the beginning of a page to the head's part
  size_t head_dim;
  float scale;
  float* scratch;  // attention_scratch(head_dim) floats, 64-byte aligned
};
// The most rows that share one pass over a page: enough that each page is read seldom, few enough
// that the rows' sums stay in cache.
constexpr size_t kAttentionRows = 48;
constexpr size_t attention_scratch(size_t head_dim) {
  return kAttentionRows * (kPagePositions + padded(head_dim));
}

// A product by one instruction set.
struct ProductKernel {
  void (*compute)(const Product&) = nullptr;
  Operand operand = Operand::kF32;  // the type in which the product takes its rows
  const char* isa =
      nullptr;  // the instruction set that the product uses: "avx512", "avx512bf16", ...
  // Measures the machine: does the product's multiplications `steps` times, in registers. Returns
  // the operations done; a multiplication and an addition count one each.
  uint64_t (*burst)(uint64_t steps) = nullptr;
};

// Arithmetic by one instruction set.
struct KernelTable {
  const char* isa;

  PerElement<ProductKernel> product;
  PerElement<void (*)(const Attention&)> attention;  // none over int4

  // Quantizes one row of k activations to int8, group by group: amax is the largest magnitude, s =
  // amax / 127, q = x * (127 / amax) rounded to nearest even, padded with zeros to
  // padded_inputs(k). If amax is not finite: s = NaN, q = 0. If amax is below 2^-96: s = 0, q = 0.
  // sums gets the sum of each group's q.
  void (*quantize_row)(const float* x, size_t k, size_t group, int8_t* q, float* scales,
                       int32_t* sums);

  // Quantizes one group of n inputs of 16 outputs, w[i][lane], to numbers q[i][lane], with an f16
  // scale for each output. int8 numbers are within +-127; int4 numbers are from 0 to 15, with a
  // zero point. If a weight is not finite, the scale of its output is not finite either.
  void (*quantize_int8)(const float* w, size_t n, int8_t* q, uint16_t* scales);
  void (*quantize_int4)(const float* w, size_t n, int8_t* q, uint16_t* scales, int8_t* zeros);

  // out = fma((x - mean) * rstd, weight, bias), rstd = 1 / sqrt(var + epsilon), biased variance,
  // two passes, sums in 16 partials.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float epsilon,
                     size_t n, float* out);
  // gelu_new: x = 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  void (*gelu)(float* x, size_t n);
  // x += a + b
  void (*add_branches)(float* x, const float* a, const float* b, size_t n);
  // Computes the maximum of x, and the sum of exp(x - maximum) in 16 partials. REQUIRES: n >= 1.
  void (*max_and_exp_sum)(const float* x, size_t n, float* maximum, float* sum);
  // x = exp(x) for x <= 0, and x = tanh(x). For tests.
  void (*exp)(float* x, size_t n);
  void (*tanh)(float* x, size_t n);
  // Rounds to nearest even. to_f16 replaces values beyond the range of f16 by +-65504, and returns
  // how many it replaced.
  size_t (*to_f16)(const float* x, size_t n, uint16_t* out);
  void (*to_bf16)(const float* x, size_t n, uint16_t* out);

  // Measures the machine: reads `bytes` (a multiple of 4096) as `streams` (1 or 4) sequential
  // streams at once. Returns a value that depends on every byte.
  uint64_t (*read_streams)(const void* data, size_t bytes, size_t streams);
};

// The instruction sets; dispatch.cc lists them in order. Sets with a KernelTable have every kernel.
// Sets with products alone only have better products than the sets below them; a null compute means
// that the product of the next set below is used.
extern const KernelTable kPortableKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const PerElement<ProductKernel> kAvx2VnniProducts;
extern const KernelTable kAvx512Kernels;
extern const PerElement<ProductKernel> kAvx512Bf16Products;
extern const PerElement<ProductKernel> kAmxProducts;
#endif

}  // namespace gptj
