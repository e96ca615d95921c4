// SPDX-License-Identifier: Apache-2.0
#include "convert/source.h"

#include "model/checkpoint_files.h"

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

TokenizerHints ConversionSource::tokenizer_hints() const {
  return packed_ ? gptj::tokenizer_hints(path_, *packed_)
                 : gptj::tokenizer_hints(path_, *checkpoint_);
}

std::unique_ptr<WeightSource> ConversionSource::tensors() const {
  return packed_ ? packed_source(packed_) : checkpoint_source(checkpoint_);
}

}  // namespace gptj
