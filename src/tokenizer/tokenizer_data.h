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

  // Appends the ids of normalized text in which no added token is to be recognised.
  virtual void append_text(std::string_view text, std::vector<TokenId>& ids) const = 0;

  // Appends the ids of any text without what is put around it. `continues`: no space in front.
  void append(std::string_view text, const EncodeOptions& options, std::vector<TokenId>& ids) const;

  // The id of the vocabulary's token that files call `name`, which is how they spell its bytes.
  virtual std::optional<TokenId> id_of_name(std::string_view name) const {
    return vocabulary.find(name);
  }

  Vocabulary vocabulary;
  AddedTokens added;
  uint64_t fingerprint = 0;  // of the parts
  uint64_t rules = 0;  // of what splits text, as a fingerprint: merges or a SentencePiece model
  std::vector<std::string> warnings;  // what its files say that is not done
  bool nfc = false;                   // text is normalized before it is split
  bool prefix_space = false;          // text that begins with no space is given one
  std::vector<TokenId> front, back;   // put around a text
  // Encoding puts a space before a text, which decoding takes away again.
  bool begins_with_space = false;

 protected:
  // Takes over what the parts say beside the vocabulary: added tokens, which become a part of it,
  // and what is done to a text before and after. Throws kBadFile where an added token's id is not
  // the vocabulary's, or a token that is put around a text is missing.
  void take_rules(const TokenizerParts& parts);

 private:
  // Joins what several files say of one token.
  std::vector<AddedToken> merge_added(const std::vector<AddedToken>& tokens);
  void add_around(const TokenizerParts& parts);
  void append_pieces(std::string_view text, bool spaced, std::vector<TokenId>& ids) const;
  void append_spaced(std::string_view text, bool spaced, std::vector<TokenId>& ids) const;
};

void add_to_fingerprint(const TokenizerParts& parts, Fingerprint& all);

// Whether both give every text the same ids and every id the same bytes, as far as ids, merges and
// added tokens tell. Fingerprints may differ all the same: files repeat what others say.
bool are_alike(const TokenizerData& a, const TokenizerData& b);

// From texts, wherever they were kept. Throws kBadFile, kUnsupported. `warn`, which may be empty,
// is told of what the texts say that is not done.
Tokenizer make_tokenizer(const TokenizerFiles& files, const TokenizerWarning& warn = {});

}  // namespace gptj
