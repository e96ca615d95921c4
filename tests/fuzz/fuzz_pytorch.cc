// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "formats/pytorch.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const gptj::PytorchFile file(gptj::fuzz::file_of(data, size));
    for (const gptj::PytorchTensor& tensor : file.tensors()) {
      if (tensor.is_contiguous()) {
        gptj::fuzz::touch(tensor.view.bytes);
        continue;
      }
      size_t bytes = gptj::dtype_size(tensor.view.type);
      for (const uint64_t extent : tensor.view.shape) bytes *= extent;
      std::vector<std::byte> gathered(bytes);
      gather(tensor, gathered);
    }
  });
}
