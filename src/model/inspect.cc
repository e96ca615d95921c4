// SPDX-License-Identifier: Apache-2.0
#include "gptj/checkpoint.h"
#include "gptj/tokenizer.h"
#include "model/checkpoint.h"

namespace gptj {
namespace {

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
  info.stored_type = checkpoint.stored_type();
  info.has_lm_head = checkpoint.has_lm_head();
  if (Tokenizer::found_in(checkpoint.folder())) {
    info.tokenizer_size = Tokenizer::load(checkpoint.folder()).size();
  }
  return info;
}

}  // namespace gptj
