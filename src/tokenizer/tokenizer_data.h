// SPDX-License-Identifier: Apache-2.0
// What a Tokenizer points at, built once from its files.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer_parts.h"
#include "tokenizer/vocabulary.h"

namespace gptj {

class Fingerprint;

struct TokenizerData {
  virtual ~TokenizerData() = default;

  // Appends the ids of text in which no added token is to be recognised.
  virtual void append_text(std::string_view text, std::vector<TokenId>& ids) const = 0;

  Vocabulary vocabulary;
  AddedTokens added;
  uint64_t fingerprint = 0;  // of the parts
  uint64_t rules = 0;  // of what splits text, as a fingerprint: merges or a SentencePiece model
  // Encoding puts a space before a text, which decoding takes away again.
  bool begins_with_space = false;

 protected:
  // Of equal contents the vocabulary's id counts. Throws kBadFile where another is given.
  void add_added(const AddedToken& token);
};

void add_to_fingerprint(const std::vector<AddedToken>& added, Fingerprint& all);

// Whether both give every text the same ids and every id the same bytes, as far as ids, merges and
// added tokens tell. Fingerprints may differ all the same: files repeat what others say.
bool are_alike(const TokenizerData& a, const TokenizerData& b);

// From texts, wherever they were kept. Throws kBadFile, kUnsupported.
Tokenizer make_tokenizer(const TokenizerFiles& files);

}  // namespace gptj
