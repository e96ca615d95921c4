// SPDX-License-Identifier: Apache-2.0
#include "formats/ggml.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const gptj::GgmlFile file = gptj::read_ggml(gptj::fuzz::bytes_of(data, size), "ggml", 7);
    for (const gptj::GgmlTensor& tensor : file.tensors) {
      if (!is_quantized(tensor.type)) continue;
      const uint64_t block = ggml_row_bytes(tensor.type, file.quantization, gptj::kGgmlBlock);
      std::vector<float> out(tensor.bytes.size() / block * gptj::kGgmlBlock);
      dequantize_ggml(tensor.type, file.quantization, tensor.bytes, out);
    }
  });
}
