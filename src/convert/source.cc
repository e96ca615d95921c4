// SPDX-License-Identifier: Apache-2.0
#include "convert/source.h"

#include <algorithm>

#include "checkpoint/checkpoint_files.h"
#include "checkpoint/tensor_names.h"
#include "weights/weight_type.h"

namespace gptj {

ConversionSource::ConversionSource(const std::string& path)
    : path_(path), packed_(PackedFile::open_if_packed(path)) {
  if (!packed_) {
    checkpoint_ = std::make_shared<const Checkpoint>(Checkpoint::open(path));
    check_lm_head(*checkpoint_, path);
  }
  name_ = base_name(path);
}

const ModelConfig& ConversionSource::config() const {
  return packed_ ? packed_->config() : checkpoint_->config();
}

WeightType ConversionSource::stored_type() const {
  return packed_ ? packed_->weight_type() : checkpoint_->stored_type();
}

EmbeddingStorage ConversionSource::embedding() const {
  return packed_ ? packed_->embedding() : checkpoint_->embedding();
}

std::vector<const MappedFile*> ConversionSource::files() const {
  if (packed_) return {packed_->file().mapping().get()};
  std::vector<const MappedFile*> files;
  for (const auto& file : checkpoint_->files()) files.push_back(file.get());
  return files;
}

std::string ConversionSource::generation_config() const {
  if (packed_) {
    const auto found = packed_->file().metadata().find(packed::kGenerationConfig);
    return found == packed_->file().metadata().end() ? "" : found->second;
  }
  return checkpoint_->generation_config();
}

std::span<const std::string> ConversionSource::warnings() const {
  return packed_ ? packed_->warnings() : checkpoint_->warnings();
}

TokenizerHints ConversionSource::tokenizer_hints() const {
  return packed_ ? gptj::tokenizer_hints(path_, *packed_)
                 : gptj::tokenizer_hints(path_, *checkpoint_);
}

uint64_t ConversionSource::kept_bytes() const {
  uint64_t kept = 0;
  for (const TensorSpec& spec : tensor_specs(config())) {
    if (spec.shape.size() == 1) kept += spec.shape[0] * sizeof(float);
    if (is_embedding(spec.name) && !embedding().mapped) {
      kept += elements(spec) * element_size(embedding().type);
    }
  }
  return kept;
}

uint64_t ConversionSource::packing_bytes(const Packing& packing) const {
  const MatrixSpec head = head_matrix(config());
  uint64_t highest = unpacked_matrix(head, packing).bytes() + made_bytes(head);
  for (int64_t i = 0; i < config().n_layer; ++i) {
    uint64_t layer = 0, made = 0;
    for (const MatrixSpec& spec : layer_matrices(config(), i)) {
      // Smoothed weights (smoothing.h) are copies in f32.
      const bool may_be_copied = packing.layers == Element::kInt8;
      const uint64_t copy = may_be_copied ? spec.n * spec.k * sizeof(float) : 0;
      layer += unpacked_matrix(spec, packing).bytes();
      made = std::max(made, made_bytes(spec) + copy);
    }
    highest = std::max(highest, layer + made);
  }
  return kept_bytes() + highest;
}

uint64_t ConversionSource::made_bytes(const MatrixSpec& spec) const {
  if (packed_) return unpacked_matrix(spec, packed_->packing()).bytes();
  uint64_t made = 0;
  for (const std::string& name : spec.weights) {
    const CheckpointTensor& tensor = checkpoint_->tensor(name);
    if (tensor.make) made += tensor.size();
  }
  return made;
}

std::unique_ptr<WeightSource> ConversionSource::tensors() const {
  return packed_ ? packed_source(packed_) : checkpoint_source(checkpoint_);
}

}  // namespace gptj
