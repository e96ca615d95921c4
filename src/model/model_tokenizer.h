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

// The facts about a tokenizer that a model's files give, in whichever format.
struct TokenizerHints {
  std::string path;  // the model's path, as it was given; begins every message
  int64_t rows = 0;  // the embedding's rows
  // Reads the model's own tokenizer files, beside the weights or in the same file. Returns empty if
  // there are none.
  std::function<std::optional<TokenizerFiles>()> own;
  // The bytes of every id, as a legacy ggml file lists them. Empty for other formats.
  std::span<const std::string_view> vocabulary = {};
};

class Checkpoint;
class PackedFile;
// The result refers to the checkpoint or file, which must outlive it.
TokenizerHints tokenizer_hints(const std::string& path, const Checkpoint& checkpoint);
TokenizerHints tokenizer_hints(const std::string& path, const PackedFile& file);

struct ChosenTokenizer {
  TokenizerFiles files;
  Tokenizer tokenizer;
};

// Returns the files of the tokenizer at `path`: any checkpoint that inspect() opens, or a folder
// with tokenizer files alone. Throws kNotFound if there is no tokenizer.
TokenizerFiles tokenizer_files(const std::string& path);

// Returns the tokenizer at the path `other`, which may be any path that tokenizer_files() takes. If
// `other` is empty, returns the model's own tokenizer, or empty if the model has none. Calls
// `warn`, which may be empty, with what makes the tokenizer look like another model's, and with
// other warnings about the tokenizer's files.
std::optional<ChosenTokenizer> choose_tokenizer(
    const TokenizerHints& hints, const std::string& other,
    const std::function<void(const std::string& message)>& warn);

}  // namespace gptj
