// SPDX-License-Identifier: Apache-2.0
// The weights as the kernels want them: packed matrices, f32 vectors, and the embedding where it
// lies in the file. Immutable once loaded.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "gptj/checkpoint.h"
#include "kernels/kernels.h"
#include "model/weight_source.h"

namespace gptj {

// y = x W^T + bias, W of n outputs by k inputs in panels.
struct PackedMatrix {
  size_t n = 0;
  size_t k = 0;
  Element element = Element::kF32;
  size_t group = 0;  // quantized types: inputs that share a scale
  AlignedBuffer<std::byte> panels;
  AlignedBuffer<float> bias;  // padded(n) floats, or empty

  size_t n_panels() const { return padded(n) / kLanes; }
};

struct LayerNorm {
  AlignedBuffer<float> weight, bias;
};

struct Layer {
  LayerNorm ln_1;
  PackedMatrix qkv;     // [3 n_embd, n_embd]: q, k, v stacked
  PackedMatrix out;     // [n_embd, n_embd]
  PackedMatrix fc_in;   // [n_inner, n_embd]
  PackedMatrix fc_out;  // [n_embd, n_inner]
};

// Row t is token t's. The bytes belong to `owner`, usually a mapped file.
struct Embedding {
  std::span<const std::byte> bytes;
  Element element = Element::kF32;
  std::shared_ptr<const void> owner;
};

struct Weights {
  Embedding wte;
  std::vector<Layer> layers;
  LayerNorm ln_f;
  PackedMatrix lm_head;
};

// Called with the bytes of source weights packed so far and in all; may throw to stop.
using PackProgress = std::function<void(uint64_t done, uint64_t total)>;

// How the matrices of the layers are packed, and that of the head.
struct Packing {
  Element layers, head;
};

// Inputs that share a scale: 128, where the fidelity of 4 bits is good enough and scales cost the
// products little; 32 for a head of 4 bits, which decides the logits alone. 0 unless quantized.
size_t quantization_group(Element element, bool is_head);

// Packs every matrix, tensor by tensor, each thread the columns that it will read.
Weights load_weights(WeightSource& source, const Packing& packing, const KernelTable& kernels,
                     ThreadPool& pool, const PackProgress& progress);

}  // namespace gptj
