// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"
#include "tokenizer/sentencepiece_model.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run(
      [&] { gptj::read_sentencepiece_model(gptj::fuzz::text_of(data, size), "model"); });
}
