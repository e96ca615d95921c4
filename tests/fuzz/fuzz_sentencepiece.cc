// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "gptj/error.h"
#include "tokenizer/sentencepiece_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    gptj::read_sentencepiece_model({reinterpret_cast<const char*>(data), size}, "model");
  } catch (const gptj::Error&) {
  }
  return 0;
}
