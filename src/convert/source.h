// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weight_source.h"
#include "model/model_tokenizer.h"
#include "weights/packed_file.h"
#include "weights/weights.h"

namespace gptj {

// What is converted: either kind of file that a model is loaded from.
class ConversionSource {
 public:
  // Throws as Model::load() does.
  explicit ConversionSource(const std::string& path);

  const ModelConfig& config() const;
  WeightType stored_type() const;
  EmbeddingStorage embedding() const;
  // The base name of the folder or file.
  const std::string& name() const { return name_; }
  // The files that hold weights.
  std::vector<const MappedFile*> files() const;
  // What the files say that is not done, one line each.
  std::span<const std::string> warnings() const;
  // The text of the settings, generation_config.json; empty where there are none.
  std::string generation_config() const;
  TokenizerHints tokenizer_hints() const;
  // Bytes of what stays in memory from the first layer to the last while all is packed: the
  // vectors, and an embedding that is not mapped.
  uint64_t kept_bytes() const;
  // Bytes that packing takes at its height, where the matrices of one layer are kept at a time, or
  // lm_head: kept_bytes(), theirs, and of what one of them is made from.
  uint64_t packing_bytes(const Packing& packing) const;
  // Throws kUnsupported where weights are quantized already.
  std::unique_ptr<WeightSource> tensors() const;

 private:
  // Of what tensors() makes of the matrix's weights; 0 where the file holds them as they are.
  uint64_t made_bytes(const MatrixSpec& spec) const;

  std::string path_, name_;
  std::shared_ptr<const Checkpoint> checkpoint_;  // or
  std::shared_ptr<const PackedFile> packed_;
};

}  // namespace gptj
