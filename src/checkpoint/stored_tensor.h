// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

#include "tensor/tensor_view.h"

namespace gptj {

// A tensor of a checkpoint, whatever the format. If the file holds it just as it is, `bytes` is its
// place in the map of the file. Otherwise `bytes` is empty, and `make` writes the tensor: it
// transposes, adds up, joins, permutes or dequantizes as the format needs. Both are valid as long
// as the CheckpointFiles.
struct StoredTensor : TensorView {
  std::string file = {};  // path, for messages
  // Fills `out` with size() bytes: elements of `type` in row-major order. REQUIRES: `out` begins at
  // a multiple of 64. Then lets the system drop the pages that it read. May be called again, but
  // from one thread at a time.
  std::function<void(std::span<std::byte> out)> make = {};

  // True if the file holds integers with scales, which `make` turns into numbers of `type`.
  bool quantized = false;

  // Returns the size in bytes, whether the tensor is mapped or made.
  uint64_t size() const {
    uint64_t n = dtype_size(type);
    for (const uint64_t extent : shape) n *= extent;
    return n;
  }
};

}  // namespace gptj
