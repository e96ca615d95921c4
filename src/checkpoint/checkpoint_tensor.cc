// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint_tensor.h"

namespace gptj {

CheckpointTensor with_map(CheckpointTensor tensor,
                          std::span<const std::shared_ptr<const MappedFile>> files) {
  for (const auto& file : files) {
    if (!tensor.make && file->owns(tensor.bytes)) tensor.map = file;
  }
  return tensor;
}

TensorBytes::TensorBytes(const CheckpointTensor& tensor)
    : tensor_(tensor), made_(tensor.make ? tensor.size() : 0) {
  if (tensor.make) tensor.make(made_.span());
  bytes_ = tensor.make ? made_.span() : tensor.bytes;
}

TensorBytes::~TensorBytes() {
  if (tensor_.map) tensor_.map->drop(bytes_);
}

}  // namespace gptj
