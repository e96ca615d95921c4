// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "gptj/checkpoint.h"
#include "model/checkpoint.h"
#include "model/checkpoint_files.h"

namespace gptj {
namespace {

// Any of these names is a tokenizer that can be opened.
constexpr const char* kTokenizerFiles[] = {"tokenizer.json", "vocab.json", "spiece.model",
                                           "tokenizer.model"};

bool has_tokenizer(const std::string& folder) {
  return std::any_of(std::begin(kTokenizerFiles), std::end(kTokenizerFiles),
                     [&](const char* name) { return is_there(beside(folder, name)); });
}

WeightType weight_type_of(DType type) {
  return type == DType::kF32 ? WeightType::kF32
                             : (type == DType::kF16 ? WeightType::kF16 : WeightType::kBF16);
}

TensorInfo tensor_info(const TensorView& tensor) {
  return {tensor.name, dtype_name(tensor.type), tensor.shape, tensor.bytes.size()};
}

}  // namespace

CheckpointInfo inspect(const std::string& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  CheckpointInfo info;
  info.path = path;
  for (const auto& file : checkpoint.files()) {
    info.files.push_back(file->path());
    info.file_bytes += file->file_bytes();
  }
  info.config = checkpoint.config();
  info.generation_defaults = checkpoint.generation_defaults();
  for (const TensorView& tensor : checkpoint.tensors()) {
    info.tensors.push_back(tensor_info(tensor));
    info.parameters += tensor.bytes.size() / dtype_size(tensor.type);
  }
  info.stored_type = weight_type_of(checkpoint.stored_type());
  info.has_lm_head = checkpoint.has_lm_head();
  info.has_tokenizer = has_tokenizer(checkpoint.folder());
  return info;
}

}  // namespace gptj
