// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "base/check.h"
#include "kernels/pack.h"
#include "model/names.h"

namespace gptj {
namespace {

Element element_of(const TensorView& tensor) {
  switch (tensor.type) {
    case DType::kF16: return Element::kF16;
    case DType::kBF16: return Element::kBF16;
    default: return Element::kF32;
  }
}

class Loader {
 public:
  Loader(WeightSource& source, const Packing& packing, const KernelTable& kernels, ThreadPool& pool,
         const PackProgress& progress)
      : source_(source), packing_(packing), kernels_(kernels), pool_(pool), progress_(progress) {}

  // `pad_to` floats, those past the tensor's own zero; 0: no more than its own.
  AlignedBuffer<float> vector(const std::string& name, size_t pad_to = 0) {
    const TensorView tensor = source_.tensor(name);
    const size_t n = tensor.shape[0];
    AlignedBuffer<float> out(std::max(n, pad_to));
    widen(tensor.bytes.data(), element_of(tensor), n, out.data());
    std::fill(out.data() + n, out.data() + out.size(), 0.0f);
    finish(tensor);
    return out;
  }

  LayerNorm layer_norm(const std::string& name) {
    return {vector(name + ".weight"), vector(name + ".bias")};
  }

  // The matrices of the names stacked along their outputs.
  PackedMatrix matrix(const std::vector<std::string>& names, const std::string& bias = {}) {
    std::vector<TensorView> tensors;
    for (const std::string& name : names) tensors.push_back(source_.tensor(name));
    PackedMatrix m;
    m.element = is_lm_head(names[0]) ? packing_.head : packing_.layers;
    m.group = quantization_group(m.element, is_lm_head(names[0]));
    m.k = tensors[0].shape[1];
    for (const TensorView& tensor : tensors) m.n += tensor.shape[0];
    pack(tensors, m);
    for (const TensorView& tensor : tensors) finish(tensor);
    if (!bias.empty()) m.bias = vector(bias, padded(m.n));
    return m;
  }

  Embedding embedding(const std::string& name) {
    const TensorView tensor = source_.tensor(name);
    return {tensor.bytes, element_of(tensor), source_.owner(tensor)};
  }

 private:
  void pack(const std::vector<TensorView>& tensors, PackedMatrix& m) {
    const std::vector<SourceRow> rows = source_rows(tensors);
    const PanelFormat format{m.element, m.k, m.group};
    m.panels = AlignedBuffer<std::byte>(m.n_panels() * format.bytes());
    std::atomic<bool> in_range{true};
    pool_.run([&](size_t part) {
      const PartRange range = part_range(m.n_panels(), part, pool_.parts());
      for (size_t p = range.begin; p < range.end; ++p) {
        const std::span<const SourceRow, kLanes> lanes(rows.data() + p * kLanes, kLanes);
        std::byte* panel = m.panels.data() + p * format.bytes();
        if (!pack_panel(kernels_, lanes, format, panel)) in_range = false;
      }
    });
    check(in_range, ErrorCode::kUnsupported, source_.name(), ": ", tensors[0].name,
          " holds weights beyond the range of ", element_name(m.element),
          "; use --weights bf16 or f32");
  }

  static std::vector<SourceRow> source_rows(const std::vector<TensorView>& tensors) {
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

  void finish(const TensorView& tensor) {
    done_ += tensor.bytes.size();
    source_.done(tensor);
    if (progress_) progress_(done_, source_.total_bytes());
  }

  WeightSource& source_;
  Packing packing_;
  const KernelTable& kernels_;
  ThreadPool& pool_;
  const PackProgress& progress_;
  uint64_t done_ = 0;
};

}  // namespace

size_t quantization_group(Element element, bool is_head) {
  if (!is_quantized(element)) return 0;
  return element == Element::kInt4 && is_head ? 32 : 128;
}

Weights load_weights(WeightSource& source, const Packing& packing, const KernelTable& kernels,
                     ThreadPool& pool, const PackProgress& progress) {
  Loader loader(source, packing, kernels, pool, progress);
  Weights weights;
  weights.wte = loader.embedding("wte.weight");
  for (int64_t i = 0; i < source.config().n_layer; ++i) {
    const std::string h = "h." + std::to_string(i) + ".";
    const std::string attn = h + "attn.", mlp = h + "mlp.";
    weights.layers.push_back(
        {loader.layer_norm(h + "ln_1"),
         loader.matrix({attn + "q_proj.weight", attn + "k_proj.weight", attn + "v_proj.weight"}),
         loader.matrix({attn + "out_proj.weight"}),
         loader.matrix({mlp + "fc_in.weight"}, mlp + "fc_in.bias"),
         loader.matrix({mlp + "fc_out.weight"}, mlp + "fc_out.bias")});
  }
  weights.ln_f = loader.layer_norm("ln_f");
  weights.lm_head = loader.matrix({"lm_head.weight"}, "lm_head.bias");
  return weights;
}

}  // namespace gptj
