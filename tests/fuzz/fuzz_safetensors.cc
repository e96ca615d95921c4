// SPDX-License-Identifier: Apache-2.0
#include "formats/safetensors.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const gptj::SafetensorsFile file(gptj::fuzz::file_of(data, size));
    for (const gptj::TensorView& tensor : file.tensors()) gptj::fuzz::touch(tensor.bytes);
  });
}
