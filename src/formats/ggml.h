// SPDX-License-Identifier: Apache-2.0
// The legacy ggml container: a magic number, the model's sizes, its vocabulary, then tensors one
// after the other to the end of the file. GGJT is the same with a version, a score for every token,
// and tensors that begin at multiples of 32. What the sizes mean is the model's own affair.
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
  std::vector<uint64_t> shape;       // row-major: the last runs fastest
  std::span<const std::byte> bytes;  // at any address
};

struct GgmlFile {
  std::vector<int32_t> sizes;
  int quantization = 0;                      // version of the layout of blocks: 0, 1 or 2
  std::vector<std::string_view> vocabulary;  // bytes of every id, in the file
  std::vector<GgmlTensor> tensors;
};

// Whether they begin with the magic number of ggml or GGJT.
bool is_ggml(std::span<const std::byte> bytes);

// Proves all of a file whose model has `n_sizes` sizes, of which the first is that of the
// vocabulary and the last the file's type. `where` (a path) begins every message. Throws kBadFile;
// kUnsupported for types of numbers that ggml dropped or took up later.
GgmlFile read_ggml(std::span<const std::byte> bytes, const std::string& where, size_t n_sizes);

}  // namespace gptj
