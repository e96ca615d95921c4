// SPDX-License-Identifier: Apache-2.0
// What a Tokenizer points at, built once from its files.
#pragma once

#include <array>

#include "tokenizer/added_tokens.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/tokenizer_parts.h"
#include "tokenizer/vocabulary.h"

namespace gptj {

struct TokenizerData {
  // Throws kBadFile where the parts do not fit together.
  explicit TokenizerData(const TokenizerParts& parts);

  Vocabulary vocabulary;
  AddedTokens added;
  std::array<TokenId, 256> byte_ids;
  MergeTable merges;
  bool ignore_merges;
  uint64_t fingerprint;  // of the parts
};

// From texts, wherever they were kept. Throws kBadFile, kUnsupported.
Tokenizer make_tokenizer(const TokenizerFiles& files);

}  // namespace gptj
