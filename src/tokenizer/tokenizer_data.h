// SPDX-License-Identifier: Apache-2.0
// The data that a Tokenizer points at, built once from its files.
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

  // Appends the ids of normalized text. Added tokens in it are not recognised.
  virtual void append_text(std::string_view text, std::vector<TokenId>& ids) const = 0;

  // Appends the ids of any text, without the ids that a template puts around it. With
  // options.continues no space is put in front.
  void append(std::string_view text, const EncodeOptions& options, std::vector<TokenId>& ids) const;

  // Returns the id of the token that files call `name`. A name spells the bytes of the token.
  virtual std::optional<TokenId> id_of_name(std::string_view name) const {
    return vocabulary.find(name);
  }

  Vocabulary vocabulary;
  AddedTokens added;
  uint64_t fingerprint = 0;           // fingerprint of the parts
  uint64_t rules = 0;                 // fingerprint of the merges or of the SentencePiece model
  std::vector<std::string> warnings;  // settings of the files that are not followed
  bool nfc = false;                   // text is normalized before it is split
  bool prefix_space = false;          // a space is put before text that begins with none
  std::vector<TokenId> front, back;   // ids that are put around a text
  // True if encoding puts a space before a text. Decoding then takes it away again.
  bool begins_with_space = false;

 protected:
  // Takes over everything but the vocabulary from the parts: added tokens, which become a part of
  // the vocabulary, and the steps before and after encoding. Throws kBadFile if the id of an added
  // token differs from that of the vocabulary, or if a token that is put around a text is missing.
  void take_rules(const TokenizerParts& parts);

 private:
  // Joins the entries that several files have for one token.
  std::vector<AddedToken> merge_added(const std::vector<AddedToken>& tokens);
  void add_around(const TokenizerParts& parts);
  void append_pieces(std::string_view text, bool spaced, std::vector<TokenId>& ids) const;
  void append_spaced(std::string_view text, bool spaced, std::vector<TokenId>& ids) const;
};

void add_to_fingerprint(const TokenizerParts& parts, Fingerprint& all);

// Returns whether both give every text the same ids and every id the same bytes, as far as ids,
// merges and added tokens show. Fingerprints of such tokenizers may differ, because files repeat
// settings of other files.
bool are_alike(const TokenizerData& a, const TokenizerData& b);

// Makes a tokenizer from the texts of its files. Throws kBadFile, kUnsupported. Calls `warn`, which
// may be empty, for each setting of the files that is not followed.
Tokenizer make_tokenizer(const TokenizerFiles& files, const TokenizerWarning& warn = {});

}  // namespace gptj
