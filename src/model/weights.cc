// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "base/check.h"
#include "kernels/pack.h"
#include "model/checkpoint.h"

namespace gptj {
namespace {

Element element_of(const TensorView& tensor) {
  switch (tensor.type) {
    case DType::kF16:
      return Element::kF16;
    case DType::kBF16:
      return Element::kBF16;
    default:
      return Element::kF32;
  }
}

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, Element element, ThreadPool& pool,
         const PackProgress& progress)
      : checkpoint_(checkpoint), element_(element), pool_(pool), progress_(progress) {
    for (const TensorView& tensor : checkpoint.tensors()) total_ += tensor.bytes.size();
  }

  // `pad_to` floats, those past the tensor's own zero.
  AlignedBuffer<float> vector(const std::string& name, size_t pad_to) {
    const TensorView& tensor = checkpoint_.tensor(name);
    AlignedBuffer<float> out(pad_to);
    const size_t n = tensor.shape[0];
    widen(tensor.bytes.data(), element_of(tensor), n, out.data());
    std::fill(out.data() + n, out.data() + pad_to, 0.0f);
    finish(tensor);
    return out;
  }

  LayerNorm layer_norm(const std::string& name) {
    const size_t n = checkpoint_.tensor(name + ".weight").shape[0];
    return {vector(name + ".weight", n), vector(name + ".bias", n)};
  }

  // The matrices of the names stacked along their outputs.
  PackedMatrix matrix(const std::vector<std::string>& names, const std::string& bias = {}) {
    PackedMatrix m;
    m.element = element_;
    m.k = checkpoint_.tensor(names[0]).shape[1];
    const std::vector<SourceRow> rows = source_rows(names, m.k);
    for (const std::string& name : names) m.n += checkpoint_.tensor(name).shape[0];
    const size_t panel_bytes = panel_elements(element_, m.k) * element_size(element_);
    m.panels = AlignedBuffer<std::byte>(m.n_panels() * panel_bytes);
    std::atomic<bool> in_range{true};
    pool_.run([&](size_t part) {
      const PartRange range = part_range(m.n_panels(), part, pool_.parts());
      for (size_t p = range.begin; p < range.end; ++p) {
        const std::span<const SourceRow, kLanes> lanes(rows.data() + p * kLanes, kLanes);
        if (!pack_panel(lanes, m.k, element_, m.panels.data() + p * panel_bytes)) in_range = false;
      }
    });
    check(in_range, ErrorCode::kUnsupported, checkpoint_.folder(), ": ", names[0],
          " holds weights beyond the range of f16; use --weights bf16 or f32");
    for (const std::string& name : names) finish(checkpoint_.tensor(name));
    if (!bias.empty()) m.bias = vector(bias, padded(m.n));
    return m;
  }

 private:
  std::vector<SourceRow> source_rows(const std::vector<std::string>& names, size_t k) const {
    std::vector<SourceRow> rows;
    for (const std::string& name : names) {
      const TensorView& tensor = checkpoint_.tensor(name);
      const Element type = element_of(tensor);
      for (size_t r = 0; r < tensor.shape[0]; ++r) {
        rows.push_back({tensor.bytes.data() + r * k * element_size(type), type});
      }
    }
    rows.resize(padded(rows.size()));
    return rows;
  }

  void finish(const TensorView& tensor) {
    checkpoint_.drop(tensor);
    done_ += tensor.bytes.size();
    if (progress_) progress_(done_, total_);
  }

  const Checkpoint& checkpoint_;
  Element element_;
  ThreadPool& pool_;
  const PackProgress& progress_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace

Weights load_weights(std::shared_ptr<const Checkpoint> checkpoint, Element element,
                     ThreadPool& pool, const PackProgress& progress) {
  Loader loader(*checkpoint, element, pool, progress);
  Weights weights;
  const TensorView& wte = checkpoint->tensor("wte.weight");
  weights.wte = {wte.bytes, element_of(wte), checkpoint};
  for (int64_t i = 0; i < checkpoint->config().n_layer; ++i) {
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
