// SPDX-License-Identifier: Apache-2.0
// The weights in the form that kernels read: packed matrices, f32 vectors, and the embedding as the
// file stores it. Immutable once loaded.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "checkpoint/element.h"
#include "checkpoint/weight_source.h"
#include "gptj/checkpoint.h"
#include "kernels/kernels.h"
#include "kernels/pack.h"

namespace gptj {

// The matrix of a product y = x W^T + bias. W: [n outputs, k inputs], in panels.
struct PackedMatrix {
  size_t n = 0;
  size_t k = 0;
  Element element = Element::kF32;
  size_t group = 0;                   // quantized types: inputs that share a scale
  std::span<const std::byte> panels;  // in `owned`, or in a mapped file
  AlignedBuffer<std::byte> owned;
  AlignedBuffer<float> bias;  // padded(n) floats, or empty

  size_t n_panels() const { return padded(n) / kLanes; }
  PanelFormat format() const { return {element, k, group}; }
  uint64_t bytes() const { return n_panels() * format().bytes(); }
};

// A matrix of the forward pass, and the checkpoint's tensors that it is made of.
struct MatrixSpec {
  std::string name;                  // "h.3.attn.qkv_proj", "lm_head"
  std::vector<std::string> weights;  // canonical names of tensors, stacked along the outputs
  std::string bias;                  // canonical name; empty: none
  size_t n, k;
};

struct LayerNorm {
  AlignedBuffer<float> weight, bias;
};

struct Layer {
  LayerNorm ln_1;
  PackedMatrix qkv;       // [3 n_embd, n_embd]: q, k, v stacked
  PackedMatrix out_proj;  // [n_embd, n_embd]
  PackedMatrix fc_in;     // [n_inner, n_embd]
  PackedMatrix fc_out;    // [n_embd, n_inner]

  // Returns the matrices in the order of layer_matrices().
  std::array<PackedMatrix*, 4> matrices() { return {&qkv, &fc_in, &out_proj, &fc_out}; }
  std::array<const PackedMatrix*, 4> matrices() const { return {&qkv, &fc_in, &out_proj, &fc_out}; }
};

// The embedding matrix: row t belongs to token t. `owner`, usually a mapped file, owns the bytes.
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
  std::shared_ptr<const void> file;  // keeps mapped panels alive; else null
};

// Returns the matrices of a layer, in the order in which a forward pass reads them.
std::array<MatrixSpec, 4> layer_matrices(const ModelConfig& config, int64_t layer);
MatrixSpec head_matrix(const ModelConfig& config);

// Returns a vector as f32, followed by zeros up to `pad_to` floats. 0 means no padding.
AlignedBuffer<float> widened_vector(const TensorView& tensor, size_t pad_to);

// A function that is called with the bytes of source weights packed so far and in all. It may throw
// to stop the packing.
using PackProgress = std::function<void(uint64_t done, uint64_t total)>;

// The element types that the layers' matrices and the head's matrix are packed in.
struct Packing {
  Element layers, head;
};

// Returns the number of inputs that share a scale, 0 for types that are not quantized.
size_t quantization_group(Element element, bool is_head);
// Returns a matrix with its shape and format, but without panels and bias.
PackedMatrix unpacked_matrix(const MatrixSpec& spec, const Packing& packing);

// Packs a source's tensors one by one. Each thread packs the columns that the same thread will read
// in forward passes. The caller may ask for each part of the model once.
class WeightPacker {
 public:
  WeightPacker(WeightSource& source, const Packing& packing, const KernelTable& kernels,
               ThreadPool& pool, PackProgress progress);

  // Sets the kind of pages that matrices are packed into from now on.
  void use(Pages pages) { pages_ = pages; }

  Embedding embedding();
  Layer layer(int64_t index);
  LayerNorm final_norm();
  PackedMatrix head();

 private:
  PackedMatrix matrix(const MatrixSpec& spec);
  void pack(const std::vector<TensorView>& tensors, PackedMatrix& m);
  AlignedBuffer<float> vector(const std::string& name, size_t pad_to = 0);
  LayerNorm layer_norm(const std::string& name);
  void finish(const TensorView& tensor);

  WeightSource& source_;
  Packing packing_;
  const KernelTable& kernels_;
  ThreadPool& pool_;
  PackProgress progress_;
  Pages pages_ = Pages::kHuge;
  uint64_t done_ = 0, elements_ = 0;
};

// Packs all weights of a source. Throws kUnsupported if a finite weight is beyond the range of its
// packed type; what `progress` throws passes through.
Weights load_weights(WeightSource& source, const Packing& packing, const KernelTable& kernels,
                     ThreadPool& pool, const PackProgress& progress);

}  // namespace gptj
