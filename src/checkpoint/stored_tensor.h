// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

#include "tensor/tensor_view.h"

namespace gptj {

// A tensor of a checkpoint, whatever the format. Where the file holds it just as it is, `bytes` are
// that place in its map. Else `bytes` are empty and `make` writes it: whatever a format needs to
// transpose, add up, join, permute or dequantize it. Both live as long as the CheckpointFiles.
struct StoredTensor : TensorView {
  std::string file = {};  // path, for messages
  // Fills `out`, of size() bytes from a multiple of 64 on, with elements of `type` in row-major
  // order, and lets go of the pages it read. May be called again, but from one thread at a time.
  std::function<void(std::span<std::byte> out)> make = {};

  // Whether the file holds integers with scales, which `make` turns into these numbers.
  bool quantized = false;

  // In bytes, made or not.
  uint64_t size() const {
    uint64_t n = dtype_size(type);
    for (const uint64_t extent : shape) n *= extent;
    return n;
  }
};

}  // namespace gptj
