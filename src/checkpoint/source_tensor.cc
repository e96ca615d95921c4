// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/source_tensor.h"

namespace gptj {

SourceTensor::SourceTensor(StoredTensor stored,
                           std::span<const std::shared_ptr<const MappedFile>> files)
    : tensor(std::move(stored)) {
  for (const auto& file : files) {
    if (!tensor.make && file->owns(tensor.bytes)) map = file;
  }
}

SourceBytes::SourceBytes(const SourceTensor& source)
    : source_(source), made_(source.tensor.make ? source.tensor.size() : 0) {
  if (source.tensor.make) source.tensor.make(made_.span());
  bytes_ = source.tensor.make ? made_.span() : source.tensor.bytes;
}

SourceBytes::~SourceBytes() {
  if (source_.map) source_.map->drop(bytes_);
}

}  // namespace gptj
