// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gptj/tokenizer.h"
#include "tokenizer/tokenizer_parts.h"

namespace gptj {

// What a model says of its tokenizer, wherever the model was found.
struct TokenizerHints {
  std::string path;  // of the model, as it was given; begins every message
  int64_t rows = 0;  // of the embedding
  // Reads the files beside the weights or among them; empty where there are none.
  std::function<std::optional<TokenizerFiles>()> own;
  // The bytes of every id that a legacy ggml file notes; of other formats empty.
  std::span<const std::string_view> vocabulary = {};
};

class Checkpoint;
class PackedFile;
TokenizerHints tokenizer_hints(const std::string& path, const Checkpoint& checkpoint);
TokenizerHints tokenizer_hints(const std::string& path, const PackedFile& file);

struct ChosenTokenizer {
  TokenizerFiles files;
  Tokenizer tokenizer;
};

// The files of the tokenizer of whatever inspect() opens, or of a folder that has nothing else.
// Throws kNotFound where there is none.
TokenizerFiles tokenizer_files(const std::string& path);

// The tokenizer at `other`, as for tokenizer_files(), or the model's own where that is empty; empty
// where there is none. `warn`, which may be empty, is told what makes it look like another model's.
std::optional<ChosenTokenizer> choose_tokenizer(
    const TokenizerHints& hints, const std::string& other,
    const std::function<void(const std::string& message)>& warn);

}  // namespace gptj
