// SPDX-License-Identifier: Apache-2.0
#include "weights/weights.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "base/check.h"
#include "checkpoint/tensor_names.h"
#include "gptj/checkpoint.h"
#include "weights/page_kind.h"

namespace gptj {
namespace {

// Bytes of weights from which the kind of pages is worth half a second of measuring.
constexpr uint64_t kManyBytes = uint64_t{1} << 30;

// Returns the rows of all tensors, followed by absent rows up to a whole panel.
std::vector<SourceRow> source_rows(const std::vector<TensorView>& tensors) {
  std::vector<SourceRow> rows;
  for (const TensorView& tensor : tensors) {
    const Element type = element_of(tensor);
    for (size_t r = 0; r < tensor.shape[0]; ++r) {
      rows.push_back({tensor.bytes.data() + r * tensor.shape[1] * element_size(type), type});
    }
  }
  rows.resize(padded(rows.size()));
  return rows;
}

}  // namespace

AlignedBuffer<float> widened_vector(const TensorView& tensor, size_t pad_to) {
  const size_t n = tensor.shape[0];
  AlignedBuffer<float> out(std::max(n, pad_to));
  widen(tensor.bytes.data(), element_of(tensor), n, out.data());
  std::fill(out.data() + n, out.data() + out.size(), 0.0f);
  return out;
}

std::array<MatrixSpec, 4> layer_matrices(const ModelConfig& config, int64_t layer) {
  const auto width = static_cast<size_t>(config.n_embd),
             inner = static_cast<size_t>(config.n_inner);
  const std::string attn = layer_tensor_name(layer, "attn."),
                    mlp = layer_tensor_name(layer, "mlp.");
  return {{{attn + "qkv_proj",
            {attn + "q_proj.weight", attn + "k_proj.weight", attn + "v_proj.weight"},
            {},
            3 * width,
            width},
           {mlp + "fc_in", {mlp + "fc_in.weight"}, mlp + "fc_in.bias", inner, width},
           {attn + "out_proj", {attn + "out_proj.weight"}, {}, width, width},
           {mlp + "fc_out", {mlp + "fc_out.weight"}, mlp + "fc_out.bias", width, inner}}};
}

MatrixSpec head_matrix(const ModelConfig& config) {
  return {"lm_head",
          {"lm_head.weight"},
          "lm_head.bias",
          static_cast<size_t>(config.vocab_size),
          static_cast<size_t>(config.n_embd)};
}

size_t quantization_group(Element element, bool is_head) {
  return is_head ? facts(element).head_group : facts(element).group;
}

PackedMatrix unpacked_matrix(const MatrixSpec& spec, const Packing& packing) {
  const bool head = is_lm_head(spec.weights[0]);
  PackedMatrix m;
  m.n = spec.n;
  m.k = spec.k;
  m.element = head ? packing.head : packing.layers;
  m.group = quantization_group(m.element, head);
  return m;
}

WeightPacker::WeightPacker(WeightSource& source, const Packing& packing, const KernelTable& kernels,
                           ThreadPool& pool, PackProgress progress)
    : source_(source),
      packing_(packing),
      kernels_(kernels),
      pool_(pool),
      progress_(std::move(progress)) {
  for (const TensorSpec& spec : tensor_specs(source.config())) elements_ += elements(spec);
}

Embedding WeightPacker::embedding() {
  const TensorView tensor = source_.tensor("wte.weight");
  return {tensor.bytes, element_of(tensor), source_.owner(tensor)};
}

Layer WeightPacker::layer(int64_t index) {
  Layer layer;
  layer.ln_1 = layer_norm(layer_tensor_name(index, "ln_1"));
  const auto specs = layer_matrices(source_.config(), index);
  for (size_t i = 0; i < specs.size(); ++i) *layer.matrices()[i] = matrix(specs[i]);
  return layer;
}

LayerNorm WeightPacker::final_norm() { return layer_norm("ln_f"); }

PackedMatrix WeightPacker::head() { return matrix(head_matrix(source_.config())); }

PackedMatrix WeightPacker::matrix(const MatrixSpec& spec) {
  std::vector<TensorView> tensors;
  for (const std::string& name : spec.weights) tensors.push_back(source_.tensor(name));
  PackedMatrix m = unpacked_matrix(spec, packing_);
  pack(tensors, m);
  for (const TensorView& tensor : tensors) finish(tensor);
  if (!spec.bias.empty()) m.bias = vector(spec.bias, padded(m.n));
  return m;
}

void WeightPacker::pack(const std::vector<TensorView>& tensors, PackedMatrix& m) {
  const std::vector<SourceRow> rows = source_rows(tensors);
  const PanelFormat format = m.format();
  m.owned = AlignedBuffer<std::byte>(m.bytes(), pages_);
  m.panels = m.owned.span();
  std::atomic<bool> in_range{true};
  pool_.parallel([&](size_t slice) {
    const SliceRange range = slice_range(m.n_panels(), slice, pool_.slices());
    for (size_t p = range.begin; p < range.end; ++p) {
      const std::span<const SourceRow, kLanes> lanes(rows.data() + p * kLanes, kLanes);
      std::byte* panel = m.owned.data() + p * format.bytes();
      if (!pack_panel(kernels_, lanes, format, panel)) in_range = false;
    }
  });
  check(in_range, ErrorCode::kUnsupported, source_.name(), ": ", tensors[0].name,
        " holds weights beyond the range of ", weight_type_name(m.element),
        "; use `weights` bf16 or f32");
}

AlignedBuffer<float> WeightPacker::vector(const std::string& name, size_t pad_to) {
  const TensorView tensor = source_.tensor(name);
  AlignedBuffer<float> out = widened_vector(tensor, pad_to);
  finish(tensor);
  return out;
}

LayerNorm WeightPacker::layer_norm(const std::string& name) {
  return {vector(name + ".weight"), vector(name + ".bias")};
}

void WeightPacker::finish(const TensorView& tensor) {
  done_ += tensor.bytes.size() / dtype_size(tensor.type);
  source_.done(tensor);
  if (!progress_) return;
  const double fraction = static_cast<double>(done_) / static_cast<double>(elements_);
  const uint64_t total = source_.total_bytes();
  progress_(static_cast<uint64_t>(fraction * static_cast<double>(total)), total);
}

Weights load_weights(WeightSource& source, const Packing& packing, const KernelTable& kernels,
                     ThreadPool& pool, const PackProgress& progress) {
  WeightPacker packer(source, packing, kernels, pool, progress);
  const MemoryNeeds needs =
      memory_needs(source.config(), {.weights = packing.layers, .head = packing.head});
  if (needs.weights >= kManyBytes) packer.use(fastest_pages(kernels, pool));
  Weights weights;
  weights.wte = packer.embedding();
  for (int64_t i = 0; i < source.config().n_layer; ++i) weights.layers.push_back(packer.layer(i));
  weights.ln_f = packer.final_norm();
  weights.lm_head = packer.head();
  return weights;
}

}  // namespace gptj
