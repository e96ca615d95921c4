// SPDX-License-Identifier: Apache-2.0
// Text to token ids and back: GPT-2's byte-level BPE, as Hugging Face computes it, or a
// SentencePiece vocabulary, as the library of that name does.
//
//   const auto tokenizer = gptj::Tokenizer::load("models/fairytale-8m");
//   const std::vector<gptj::TokenId> ids = tokenizer.encode("Once upon a time");
//   std::string bytes = tokenizer.decode(ids);                // exactly what went in
//
//   gptj::TextStream stream;                                  // tokens may cut characters in two
//   for (gptj::TokenId id : ids) std::cout << stream.push(tokenizer.token_bytes(id));
//   std::cout << stream.finish();
//
// Any bytes can be encoded, and decode(encode(bytes)) == bytes unless the tokenizer's files ask for
// something else: an added token marked lstrip or rstrip swallows the whitespace beside it, a
// normalizer composes characters (NFC), add_prefix_space puts a space in front, and a template puts
// tokens around the text. Bytes that are not UTF-8 are split like punctuation: neither whitespace,
// letter nor number.
//
// A template (post_processor, add_bos_token) is followed as transformers' tokenizer(text) does.
// encode("") is therefore what the template has alone; a request's empty prompt is the bos token
// only where that is nothing, so that no prompt begins with two.
//
// SentencePiece is not exact: most models normalise text, know a part of all characters, and put a
// space before a text, which decode() takes away again. Bytes that are not UTF-8 become U+FFFD, and
// what no piece spells is the unknown piece, which decodes as U+2047 between spaces. Ids that a
// model's own code adds around a text, such as T5's "</s>" at its end, are not added here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gptj/export.h"

namespace gptj {

using TokenId = int64_t;

struct EncodeOptions {
  // true: special and added tokens in the text are ordinary text, and none are put around it
  bool plain = false;
  // true: the text goes on from another one; neither tokens nor a space are put in front of it, nor
  // tokens behind it
  bool continues = false;
};

// Is told what a tokenizer's files say that is not done; the message begins with the file's path.
using TokenizerWarning = std::function<void(const std::string& message)>;

struct TokenizerData;

// Immutable: any number of threads may use one at once. Copies share their data.
class GPTJ_API Tokenizer {
 public:
  // Reads spiece.model or tokenizer.model (SentencePiece), else tokenizer.json, else vocab.json and
  // merges.txt; with any of them added_tokens.json, and the names of special tokens in
  // special_tokens_map.json and tokenizer_config.json. Throws kNotFound where the folder has none,
  // kBadFile where a file is not what its format says, kUnsupported where it asks for something
  // that would give other ids (src/tokenizer/README.md has every field). `on_warning` may be empty.
  static Tokenizer load(const std::string& folder, const TokenizerWarning& on_warning = {});

  // Would load() find its files there? Does not read them, does not throw.
  static bool found_in(const std::string& folder);

  // The ids of any bytes. Special and added tokens are recognised unless options.plain: those that
  // their file marks as not normalized in the text as it is, the others in what is left of it,
  // normalized; each time the longest one at the leftmost place. Time is n log n at worst, even for
  // one word of megabytes.
  std::vector<TokenId> encode(std::string_view bytes, const EncodeOptions& options = {}) const;

  // The exact bytes, which need not be UTF-8; of SentencePiece without the space that encode() puts
  // before a text, so that a part of a text is better joined from token_bytes(). Throws
  // kInvalidArgument for an id without a name.
  std::string decode(std::span<const TokenId> ids) const;

  bool has(TokenId id) const;  // does the id, any number, have a name?

  // The bytes of one token, valid as long as any copy of this tokenizer. Throws as decode().
  std::string_view token_bytes(TokenId id) const;

  bool is_special(TokenId id) const;  // false for an id without a name

  // The id of exactly these bytes, for special and added tokens their name.
  std::optional<TokenId> find(std::string_view token) const;

  // The highest id with a name, plus one. Ids below it may lack a name.
  int64_t size() const;

  // Tells this vocabulary from others.
  uint64_t fingerprint() const;

  // For the library's own use: see src/tokenizer/tokenizer_data.h.
  explicit Tokenizer(std::shared_ptr<const TokenizerData> data);
  const TokenizerData& data() const { return *data_; }

 private:
  std::shared_ptr<const TokenizerData> data_;
};

// Bytes in, whole UTF-8 characters out. Bytes that can never become UTF-8 turn into U+FFFD, one per
// maximal subpart as Unicode recommends (chapter 3.9); a character's first bytes are held until the
// others come. One stream belongs to one thread at a time.
class GPTJ_API TextStream {
 public:
  // The text that is certain after these bytes; may be empty.
  std::string push(std::string_view bytes);

  // U+FFFD if a part of a character is held, else nothing. The stream is then as new.
  std::string finish();

 private:
  std::string held_;
};

// What a TextStream gives for the whole of `bytes`.
GPTJ_API std::string to_valid_utf8(std::string_view bytes);

// Returns the text of a file as people have it: without a UTF-8 byte order mark in front, and with a
// newline for each CR LF of Windows. Throws kUnsupported for UTF-16 and UTF-32, with or without a
// mark; `name`, the file's path, begins the message.
GPTJ_API std::string plain_text(std::string bytes, const std::string& name);

}  // namespace gptj
