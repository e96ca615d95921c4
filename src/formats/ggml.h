// SPDX-License-Identifier: Apache-2.0
// Reads the legacy ggml container: a magic number, the model's sizes, its vocabulary, then tensors
// one after the other to the end of the file. GGJT is the same with a version, a score for every
// token, and tensors that begin at multiples of 32. The meaning of the sizes depends on the kind of
// model; the caller knows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/ggml_blocks.h"

namespace gptj {

struct GgmlTensor {
  std::string name;
  GgmlType type = GgmlType::kF32;
  std::vector<uint64_t> shape;       // row-major: the last dimension runs fastest
  std::span<const std::byte> bytes;  // inside the file, at any address
};

struct GgmlFile {
  std::vector<int32_t> sizes;
  int quantization = 0;                      // version of the layout of blocks: 0, 1 or 2
  std::vector<std::string_view> vocabulary;  // bytes of each id's token, inside the file
  std::vector<GgmlTensor> tensors;
};

// Returns whether the bytes begin with the magic number of ggml or GGJT.
bool is_ggml(std::span<const std::byte> bytes);

// Reads a file whose model has `n_sizes` sizes, and proves that all of it is well-formed. The first
// size is the vocabulary's, the last is the file's type. The result is valid as long as `bytes`.
// `where` (a path) begins every message. Throws kBadFile, and kUnsupported for number types that
// ggml dropped or introduced later.
GgmlFile read_ggml(std::span<const std::byte> bytes, const std::string& where, size_t n_sizes);

}  // namespace gptj
