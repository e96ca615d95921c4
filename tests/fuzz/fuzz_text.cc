// SPDX-License-Identifier: Apache-2.0
// Any bytes as text: encoding and decoding give them back.
#include <cstdlib>

#include "fuzz/fuzz.h"
#include "tokenizer/small_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const gptj::Tokenizer tokenizer = gptj::make_tokenizer(gptj::small_vocabulary_files());
  const std::string_view text = gptj::fuzz::text_of(data, size);
  if (tokenizer.decode(tokenizer.encode(text)) != text) std::abort();
  return 0;
}
