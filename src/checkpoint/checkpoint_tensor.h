// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/aligned_buffer.h"
#include "base/mapped_file.h"
#include "tensor/tensor_view.h"

namespace gptj {

// A tensor of a checkpoint, whatever the format. If the file holds it just as it is, `bytes` is its
// place in the map of the file. Otherwise `bytes` is empty, and `make` writes the tensor: it
// transposes, adds up, joins, permutes or dequantizes as the format needs. Both are valid as long
// as the CheckpointFiles.
struct CheckpointTensor : TensorView {
  std::string file = {};  // path, for messages
  // Fills `out` with size() bytes: elements of `type` in row-major order. REQUIRES: `out` begins at
  // a multiple of 64. Then lets the system drop the pages that it read. May be called again, but
  // from one thread at a time.
  std::function<void(std::span<std::byte> out)> make = {};

  // True if the file holds integers with scales, which `make` turns into numbers of `type`.
  bool quantized = false;

  // The map that holds `bytes`; set by with_map() alone, else null.
  std::shared_ptr<const MappedFile> map = {};

  // Returns the size in bytes, whether the tensor is mapped or made.
  uint64_t size() const {
    uint64_t n = dtype_size(type);
    for (const uint64_t extent : shape) n *= extent;
    return n;
  }
};

// Returns the tensor with its map, if it is mapped, so that other tensors can be made from it.
// REQUIRES: `files` are the files of the tensor's checkpoint.
CheckpointTensor with_map(CheckpointTensor tensor,
                          std::span<const std::shared_ptr<const MappedFile>> files);

// The bytes of a tensor, mapped or made, valid while this object lives. The destructor lets the
// system drop the pages of a tensor with a map.
class TensorBytes {
 public:
  explicit TensorBytes(const CheckpointTensor& tensor);
  ~TensorBytes();
  TensorBytes(const TensorBytes&) = delete;
  TensorBytes& operator=(const TensorBytes&) = delete;

  const std::byte* data() const { return bytes_.data(); }

 private:
  const CheckpointTensor& tensor_;
  AlignedBuffer<std::byte> made_;
  std::span<const std::byte> bytes_;
};

}  // namespace gptj
