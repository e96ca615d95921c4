// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_names.h"
#include "gptj/checkpoint.h"
#include "gptj/tokenizer.h"
#include "tokenizer/tokenizer_data.h"
#include "weights/packed_file.h"

namespace gptj {
namespace {

TensorInfo tensor_info(const TensorView& tensor, uint64_t bytes) {
  return {tensor.name, dtype_name(tensor.type), tensor.shape, bytes};
}

CheckpointInfo inspect_packed(const std::string& path, const PackedFile& packed) {
  CheckpointInfo info;
  info.path = path;
  info.files = {path};
  info.file_bytes = packed.file().file_bytes();
  info.config = packed.config();
  info.generation_defaults = packed.generation_defaults();
  for (const TensorView& tensor : packed.file().tensors()) {
    info.tensors.push_back(tensor_info(tensor, tensor.bytes.size()));
  }
  for (const TensorSpec& spec : tensor_specs(info.config)) info.parameters += elements(spec);
  info.stored_type = packed.weight_type();
  info.head_type = packed.packing().head;
  info.embedding = packed.embedding();
  info.has_lm_head = true;
  info.warnings.assign(packed.warnings().begin(), packed.warnings().end());
  info.source = packed.file().metadata().at(packed::kSource);
  info.report = packed.file().metadata().at(packed::kReport);
  if (packed.tokenizer_files()) {
    info.tokenizer_size = make_tokenizer(*packed.tokenizer_files()).size();
  }
  return info;
}

}  // namespace

CheckpointInfo inspect(const std::string& path) {
  if (const auto packed = PackedFile::open_if_packed(path)) return inspect_packed(path, *packed);
  const Checkpoint checkpoint = Checkpoint::open(path);
  CheckpointInfo info;
  info.path = path;
  for (const auto& file : checkpoint.files()) {
    info.files.push_back(file->path());
    info.file_bytes += file->bytes().size();
  }
  info.config = checkpoint.config();
  info.generation_defaults = checkpoint.generation_defaults();
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    info.tensors.push_back(tensor_info(tensor, tensor.size()));
    info.parameters += tensor.size() / dtype_size(tensor.type);
  }
  info.stored_type = checkpoint.stored_type();
  info.quantized = checkpoint.quantized();
  info.embedding = checkpoint.embedding();
  info.has_lm_head = checkpoint.has_lm_head();
  info.warnings.assign(checkpoint.warnings().begin(), checkpoint.warnings().end());
  if (Tokenizer::found_in(checkpoint.folder())) {
    info.tokenizer_size = Tokenizer::load(checkpoint.folder()).size();
  }
  return info;
}

}  // namespace gptj
