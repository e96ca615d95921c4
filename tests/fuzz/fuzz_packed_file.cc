// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"
#include "weights/packed_file.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const auto file = gptj::PackedFile::open_if_packed(gptj::fuzz::file_of(data, size));
    if (!file) return;
    file->weights();
    for (const gptj::TensorView& tensor : file->file().tensors()) gptj::fuzz::touch(tensor.bytes);
  });
}
