// SPDX-License-Identifier: Apache-2.0
// Converts text to token ids and back: with GPT-2's byte-level BPE, as Hugging Face computes it, or
// with a SentencePiece vocabulary, as the SentencePiece library does.
//
//   const auto tokenizer = gptj::Tokenizer::load("models/fairytale-8m");
//   const std::vector<gptj::TokenId> ids = tokenizer.encode("Once upon a time");
//   std::string bytes = tokenizer.decode(ids);                // "Once upon a time"
//
//   gptj::TextStream stream;                                  // tokens may cut characters in two
//   for (gptj::TokenId id : ids) std::cout << stream.push(tokenizer.token_bytes(id));
//   std::cout << stream.finish();
//
// Byte-level BPE encodes any bytes, and decode(encode(bytes)) == bytes unless the tokenizer's files
// ask for something else: an added token marked lstrip or rstrip swallows the whitespace beside it,
// a normalizer composes characters (NFC), add_prefix_space puts a space in front, and a template
// puts tokens around the text. Bytes that are not UTF-8 are split like punctuation, because they
// are neither whitespace, letter nor number.
//
// A template (post_processor, add_bos_token) is applied as transformers' tokenizer(text) does.
// encode("") therefore returns the template's own tokens. A request's empty prompt becomes the bos
// token only if encode("") is empty, so that no prompt begins with two bos tokens.
//
// SentencePiece is not exact: most models normalise text, know only some characters, and put a
// space before a text, which decode() removes. Bytes that are not UTF-8 become U+FFFD. Text that no
// piece spells becomes the unknown piece, which decodes as U+2047 between spaces. Ids that a
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
  // True: special and added tokens in the text are ordinary text, and no tokens are put around it.
  bool plain = false;
  // True: the text continues another one. Neither tokens nor a space are put in front of it, and no
  // tokens behind it.
  bool continues = false;
};

// Called with a message about a setting of a tokenizer's files that this engine ignores. The
// message begins with the file's path.
using TokenizerWarning = std::function<void(const std::string& message)>;

struct TokenizerData;

// A tokenizer. Immutable: any number of threads may use one at once. Copies share their data.
class GPTJ_API Tokenizer {
 public:
  // Reads spiece.model or tokenizer.model (SentencePiece), else tokenizer.json, else vocab.json and
  // merges.txt. With each of these it also reads added_tokens.json, and the names of special tokens
  // in special_tokens_map.json and tokenizer_config.json. `on_warning` may be empty. Throws
  // kNotFound if the folder has no tokenizer; kBadFile if a file is not what its format says;
  // kUnsupported if a file asks for something that would give other ids (src/tokenizer/README.md
  // lists every field).
  static Tokenizer load(const std::string& folder, const TokenizerWarning& on_warning = {});

  // Returns whether load() would find its files in the folder. Does not read them, does not throw.
  static bool found_in(const std::string& folder);

  // Returns the ids of any bytes. Unless options.plain is set, special and added tokens are
  // recognised: first, in the text as it is, the tokens that their file marks as not normalized;
  // then, in the rest of the text once normalized, the others. Each time the leftmost token counts,
  // and of several there the longest. Time is n log n at worst, even for one word of megabytes.
  std::vector<TokenId> encode(std::string_view bytes, const EncodeOptions& options = {}) const;

  // Returns the exact bytes of the ids, which need not be UTF-8. SentencePiece leaves out the space
  // that encode() puts before a text; to decode a part of a text, join token_bytes() instead.
  // Throws kInvalidArgument for an id without a name.
  std::string decode(std::span<const TokenId> ids) const;

  // Returns whether the id, which may be any number, has a name.
  bool has(TokenId id) const;

  // Returns the bytes of one token, valid as long as any copy of this tokenizer. Throws as
  // decode().
  std::string_view token_bytes(TokenId id) const;

  // Returns whether the id is a special token; false for an id without a name.
  bool is_special(TokenId id) const;

  // Returns the id whose bytes are exactly `token`. For special and added tokens, `token` is the
  // name.
  std::optional<TokenId> find(std::string_view token) const;

  // Returns the highest id with a name, plus one. Ids below it may lack a name.
  int64_t size() const;

  // Returns a hash that tells this vocabulary from others.
  uint64_t fingerprint() const;

  // For the library's own use: see src/tokenizer/tokenizer_data.h.
  explicit Tokenizer(std::shared_ptr<const TokenizerData> data);
  const TokenizerData& data() const { return *data_; }

 private:
  std::shared_ptr<const TokenizerData> data_;
};

// Turns bytes that come in pieces into whole UTF-8 characters. A character's first bytes are held
// until the others come. Bytes that can never become UTF-8 turn into U+FFFD, one per maximal
// subpart as Unicode recommends (chapter 3.9). One stream belongs to one thread at a time.
class GPTJ_API TextStream {
 public:
  // Adds bytes and returns the characters that are now complete; may be empty.
  std::string push(std::string_view bytes);

  // Returns U+FFFD if a part of a character is held, else nothing. The stream is then as new.
  std::string finish();

 private:
  std::string held_;
};

// Returns the text that a TextStream gives for all of `bytes`.
GPTJ_API std::string to_valid_utf8(std::string_view bytes);

// Returns the text of a file without a UTF-8 byte order mark in front, and with a newline for each
// CR LF of Windows. Throws kUnsupported for UTF-16 and UTF-32, with or without a mark; `name`, the
// file's path, begins the message.
GPTJ_API std::string plain_text(std::string bytes, const std::string& name);

}  // namespace gptj
