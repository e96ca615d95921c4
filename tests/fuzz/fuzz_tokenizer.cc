// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the file of a tokenizer; the others are those of a good one.
#include "fuzz/fuzz.h"
#include "tokenizer/small_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr const char* kFiles[] = {"tokenizer.json",
                                    "vocab.json",
                                    "merges.txt",
                                    "added_tokens.json",
                                    "tokenizer_config.json",
                                    "special_tokens_map.json"};
  const std::string file = kFiles[data[0] % std::size(kFiles)];
  return gptj::fuzz::run([&] {
    gptj::TokenizerFiles files = gptj::small_vocabulary_files();
    files.texts[file] = gptj::fuzz::text_of(data + 1, size - 1);
    const gptj::Tokenizer tokenizer = gptj::make_tokenizer(files);
    const std::string_view text = "the abab <|endoftext|> \xc3\xa9\xff e\xcc\x81\n<x> <x>";
    for (const gptj::EncodeOptions options :
         {gptj::EncodeOptions{}, {.plain = true}, {.continues = true}}) {
      tokenizer.decode(tokenizer.encode(text, options));
    }
  });
}
