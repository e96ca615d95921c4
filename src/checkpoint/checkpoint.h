// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/stored_tensor.h"
#include "gptj/checkpoint.h"

namespace gptj {

// A GPT-J on disk: mapped, proved and nothing read yet. All const members may be used from many
// threads.
class Checkpoint {
 public:
  // `path` is a folder with weights, or a file of weights, in any format of
  // open_checkpoint_files(). Afterwards every tensor of the config is there, in its shape, as F32,
  // F16 or BF16 (types may be mixed), and no other but buffers that are ignored; lm_head alone may
  // be absent.
  static Checkpoint open(const std::string& path);

  // vocab_size is the number of rows of wte.weight, whatever config.json says.
  const ModelConfig& config() const { return config_; }
  const GenerationDefaults& generation_defaults() const { return generation_defaults_; }
  // The text of generation_config.json, or the settings in config.json in its place; empty where
  // there are none.
  const std::string& generation_config() const { return generation_config_; }
  const std::string& folder() const { return folder_; }
  bool has_lm_head() const { return has_lm_head_; }
  // What the files say that is not done, or that deserves a look; one line each.
  std::span<const std::string> warnings() const { return warnings_; }

  // Under their canonical names (names.h), in the order of the forward pass.
  std::span<const StoredTensor> tensors() const { return tensors_; }
  // Throws kUnsupported where it is absent: lm_head of a save of the base model.
  const StoredTensor& tensor(std::string_view canonical) const;
  // As CheckpointInfo has them.
  WeightType stored_type() const;
  bool quantized() const;
  EmbeddingStorage embedding() const;

  // The bytes of every id that a legacy ggml file notes; of other formats empty.
  std::span<const std::string_view> vocabulary() const { return vocabulary_; }

  // Those that hold the weights.
  std::span<const std::shared_ptr<const MappedFile>> files() const { return files_; }
  // Lets go of the pages of a tensor that was read where the file holds it.
  void drop(const TensorView& tensor) const;

 private:
  using NamedTensors = std::map<std::string, StoredTensor, std::less<>>;

  Checkpoint() = default;
  NamedTensors collect(std::vector<StoredTensor> tensors);
  void adopt_vocabulary(const NamedTensors& found);
  void tie_head(NamedTensors& found);
  void read_generation_defaults(const std::string& config);
  void leave_out_heads(NamedTensors& found);
  void take(NamedTensors found);
  void refuse_leftovers(const NamedTensors& found) const;
  static void check_tensor(const StoredTensor& tensor, const std::vector<uint64_t>& shape);

  std::string folder_;
  ModelConfig config_;
  std::string generation_config_;
  GenerationDefaults generation_defaults_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::string_view> vocabulary_;  // in one of files_
  bool has_lm_head_ = false;
  std::vector<std::string> warnings_;
};

// Throws kUnsupported, with the reason, for a save of the base model; `path` as the user gave it.
void check_lm_head(const Checkpoint& checkpoint, const std::string& path);

}  // namespace gptj
