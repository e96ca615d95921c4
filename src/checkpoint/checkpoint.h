// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint_tensor.h"
#include "gptj/checkpoint.h"

namespace gptj {

class FieldReader;

// A GPT-J on disk: its files are mapped and validated, and no weight has been read yet. Many
// threads may call the const members at once.
class Checkpoint {
 public:
  // Opens `path`: a folder with weights, or a file of weights, in any format of
  // open_checkpoint_files(). Afterwards every tensor of the config is there, in its shape, as F32,
  // F16 or BF16 (types may be mixed; F64 is rounded to F32), and there is no other. lm_head alone
  // may be absent. Buffers and training heads that files may have besides (tensor_names.h) are left
  // out. Throws kBadFile for other missing, unexpected or misshapen tensors, kUnsupported for other
  // types.
  static Checkpoint open(const std::string& path);

  // Returns the sizes of the model. vocab_size is the number of rows of wte.weight, whatever
  // config.json says.
  const ModelConfig& config() const { return config_; }
  const GenerationDefaults& generation_defaults() const { return generation_defaults_; }
  // Returns the text of generation_config.json, or the settings in config.json if there is no such
  // file; empty if there are no settings.
  const std::string& generation_config() const { return generation_config_; }
  const std::string& folder() const { return folder_; }
  bool has_lm_head() const { return has_lm_head_; }
  // Returns warnings, one line each: settings that the engine does not follow, and facts that the
  // user should look at.
  std::span<const std::string> warnings() const { return warnings_; }

  // Returns all tensors under their canonical names (tensor_names.h), in the order of the forward
  // pass.
  std::span<const CheckpointTensor> tensors() const { return tensors_; }
  // Returns the tensor of this canonical name. Throws kUnsupported if it is absent, as lm_head is
  // in a save of the base model.
  const CheckpointTensor& tensor(std::string_view canonical) const;
  // Return what CheckpointInfo (gptj/checkpoint.h) holds under the same names.
  WeightType stored_type() const;
  bool quantized() const;
  EmbeddingStorage embedding() const;

  // Returns the bytes of every token id if a legacy ggml file lists them; empty for other formats.
  std::span<const std::string_view> vocabulary() const { return vocabulary_; }

  // Returns the files that hold the weights.
  std::span<const std::shared_ptr<const MappedFile>> files() const { return files_; }
  // Lets the system drop the pages that hold the bytes of `tensor`, if its bytes lie in a file.
  void drop(const TensorView& tensor) const;

 private:
  using NamedTensors = std::map<std::string, CheckpointTensor, std::less<>>;

  Checkpoint() = default;
  NamedTensors collect(std::vector<CheckpointTensor> tensors);
  void adopt_vocabulary(const NamedTensors& found);
  void tie_head(NamedTensors& found);
  void read_generation_defaults(const FieldReader* config);
  void leave_out_heads(NamedTensors& found);
  void take(NamedTensors found);
  void refuse_leftovers(const NamedTensors& found) const;
  static void check_tensor(const CheckpointTensor& tensor, const std::vector<uint64_t>& shape);

  std::string folder_;
  ModelConfig config_;
  std::string generation_config_;
  GenerationDefaults generation_defaults_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<CheckpointTensor> tensors_;
  std::vector<std::string_view> vocabulary_;  // the bytes lie in one of files_
  bool has_lm_head_ = false;
  std::vector<std::string> warnings_;
};

// Throws kUnsupported, with the reason, if the checkpoint is a save of the base model without
// lm_head. Messages show `path`, which is the path as the user gave it.
void check_lm_head(const Checkpoint& checkpoint, const std::string& path);

}  // namespace gptj
