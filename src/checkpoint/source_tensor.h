// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "base/aligned_buffer.h"
#include "base/mapped_file.h"
#include "checkpoint/stored_tensor.h"

namespace gptj {

// A stored tensor that other tensors are made from, with the map that holds it.
struct SourceTensor {
  // REQUIRES: `files` are the files of the checkpoint that holds `stored`.
  SourceTensor(StoredTensor stored, std::span<const std::shared_ptr<const MappedFile>> files);

  StoredTensor tensor;
  std::shared_ptr<const MappedFile> map = {};  // null if the tensor is made
};

// The bytes of a source, mapped or made, valid while this object lives. The destructor lets the
// system drop the pages of a mapped source.
class SourceBytes {
 public:
  explicit SourceBytes(const SourceTensor& source);
  ~SourceBytes();
  SourceBytes(const SourceBytes&) = delete;
  SourceBytes& operator=(const SourceBytes&) = delete;

  const std::byte* data() const { return bytes_.data(); }

 private:
  const SourceTensor& source_;
  AlignedBuffer<std::byte> made_;
  std::span<const std::byte> bytes_;
};

}  // namespace gptj
