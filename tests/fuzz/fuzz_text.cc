// SPDX-License-Identifier: Apache-2.0
// Text that a tokenizer without special wishes gives back, and that one with all of them takes.
#include <cstdlib>

#include "fuzz/fuzz.h"
#include "tokenizer/normalize.h"
#include "tokenizer/small_tokenizer.h"

namespace {

gptj::Tokenizer wishful() {
  return gptj::small_tokenizer([](gptj::Json& json) {
    json["normalizer"] = {{"type", "NFC"}};
    json["pre_tokenizer"]["add_prefix_space"] = true;
    int id = 262;
    for (const char* content : {"<x>", "\n<x>", "<y>", "e\u0301", "  "}) {
      json["added_tokens"].push_back({{"id", id},
                                      {"content", content},
                                      {"normalized", id % 2 == 1},
                                      {"lstrip", id % 3 == 0},
                                      {"rstrip", id % 3 == 1},
                                      {"single_word", id == 264}});
      ++id;
    }
  });
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const gptj::Tokenizer tokenizer = gptj::make_tokenizer(gptj::small_vocabulary_files());
  static const gptj::Tokenizer other = wishful();
  const auto text = gptj::fuzz::text_of(data, size);
  if (tokenizer.decode(tokenizer.encode(text)) != text) std::abort();
  const std::string normal = gptj::to_nfc(text);
  if (gptj::to_nfc(normal) != normal) std::abort();
  other.decode(other.encode(text));
  other.decode(other.encode(text, {.plain = true}));
  return 0;
}
