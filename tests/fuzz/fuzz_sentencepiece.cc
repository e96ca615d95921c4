// SPDX-License-Identifier: Apache-2.0
// The library trusts what the reader has proved, so it is run as well.
#include "fuzz/fuzz.h"
#include "tokenizer/files/base64.h"
#include "tokenizer/sentencepiece_model.h"
#include "tokenizer/tokenizer_data.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const std::string_view model = gptj::fuzz::text_of(data, size);
    gptj::read_sentencepiece_model(model, "model");
    const gptj::Tokenizer tokenizer =
        gptj::make_tokenizer({"model", {{"spiece.model", gptj::to_base64(model)}}});
    // Letters, characters that normalization tables change, and bytes that are no UTF-8.
    tokenizer.decode(tokenizer.encode("the  cat <s> \uff71\uff9e\u2460\xff\x01"));
  });
}
