// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "formats/ggml.h"
#include "gptj/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    const gptj::GgmlFile file = gptj::read_ggml(bytes, "ggml", 7);
    for (const gptj::GgmlTensor& tensor : file.tensors) {
      if (!is_quantized(tensor.type)) continue;
      const uint64_t block = ggml_row_bytes(tensor.type, file.quantization, gptj::kGgmlBlock);
      std::vector<float> out(tensor.bytes.size() / block * gptj::kGgmlBlock);
      dequantize_ggml(tensor.type, file.quantization, tensor.bytes, out);
    }
  } catch (const gptj::Error&) {
  }
  return 0;
}
