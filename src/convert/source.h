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

// The model to convert: a checkpoint, or a file of this engine's own format.
class ConversionSource {
 public:
  // Opens the model at `path`. Throws as Model::load() does.
  explicit ConversionSource(const std::string& path);

  const ModelConfig& config() const;
  WeightType stored_type() const;
  EmbeddingStorage embedding() const;
  // Returns the base name of the folder or file.
  const std::string& name() const { return name_; }
  // Returns the files that hold weights.
  std::vector<const MappedFile*> files() const;
  // Returns warnings, one line each: settings of the files that the engine does not follow.
  std::span<const std::string> warnings() const;
  // Returns the text of the settings, generation_config.json; empty if there are none.
  std::string generation_config() const;
  TokenizerHints tokenizer_hints() const;
  // Returns the bytes that stay in memory from the first layer to the last while all is packed: the
  // vectors, and an embedding that is not mapped.
  uint64_t kept_bytes() const;
  // Returns the peak memory, in bytes, of packing that keeps the matrices of one layer at a time,
  // or lm_head. It is kept_bytes(), those matrices, and the weights that one of them is made from.
  uint64_t packing_bytes(const Packing& packing) const;
  // Returns a source of the weights. Throws kUnsupported if the weights are quantized already.
  std::unique_ptr<WeightSource> tensors() const;

 private:
  // Returns the bytes of the weights that tensors() makes for the matrix; 0 if the file holds them
  // as they are.
  uint64_t made_bytes(const MatrixSpec& spec) const;

  std::string path_, name_;
  std::shared_ptr<const Checkpoint> checkpoint_;  // null if packed_ is set
  std::shared_ptr<const PackedFile> packed_;
};

}  // namespace gptj
