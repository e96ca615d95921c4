// SPDX-License-Identifier: Apache-2.0
// A safetensors file with the tensors of quantized matrices.
#include <vector>

#include "checkpoint/gptq.h"
#include "formats/safetensors.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const gptj::SafetensorsFile file(gptj::fuzz::file_of(data, size));
    gptj::CheckpointFiles files{gptj::fuzz::folder().path(), {file.mapping()}, {}};
    for (const gptj::TensorView& tensor : file.tensors()) {
      files.tensors.push_back({tensor, file.path()});
    }
    gptj::dequantize_gptq(files, {.bits = 4, .group_size = 8, .zero_offset = 1});
    for (const gptj::CheckpointTensor& tensor : files.tensors) {
      if (!tensor.make) continue;
      std::vector<std::byte> made(tensor.size());
      tensor.make(made);
    }
  });
}
