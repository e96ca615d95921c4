// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/sentencepiece_tokenizer.h"

#include "base/check.h"

#ifdef GPTJ_SENTENCEPIECE

#include <sentencepiece_processor.h>

#include <charconv>

#include "base/fingerprint.h"
#include "tokenizer/sentencepiece_model.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81";          // U+2581
constexpr std::string_view kUnknownText = " \xe2\x81\x87 ";  // U+2047, as the library decodes it

// Returns the piece with a space in place of each U+2581.
std::string with_spaces(std::string_view piece) {
  std::string text;
  while (!piece.empty()) {
    const bool is_space = piece.starts_with(kSpace);
    text += is_space ? ' ' : piece[0];
    piece.remove_prefix(is_space ? kSpace.size() : 1);
  }
  return text;
}

// Returns the byte that a piece such as "<0x0A>" names.
std::string byte_of(const Piece& piece, const std::string& where) {
  constexpr std::string_view kBegin = "<0x";
  unsigned value = 0;
  const char* end = piece.text.data() + piece.text.size() - 1;
  const bool ok = piece.text.size() == 6 && piece.text.starts_with(kBegin) &&
                  std::from_chars(piece.text.data() + kBegin.size(), end, value, 16).ptr == end &&
                  *end == '>';
  check(ok, ErrorCode::kBadFile, where, ": expected a byte such as <0x0A>, found ",
        quote(piece.text));
  return std::string(1, static_cast<char>(value));
}

class SentencePieceTokenizer : public TokenizerData {
 public:
  explicit SentencePieceTokenizer(const TokenizerParts& parts) : where_(parts.sentencepiece_name) {
    const SentencePieceModel model = read_sentencepiece_model(parts.sentencepiece, where_);
    const auto status = library_.LoadFromSerializedProto(parts.sentencepiece);
    check(status.ok() && static_cast<size_t>(library_.GetPieceSize()) == model.pieces.size(),
          ErrorCode::kBadFile, where_, ": not a model that SentencePiece reads: ",
          status.ok() ? "it finds another number of pieces" : status.message());
    begins_with_space = model.adds_space;
    add_pieces(model);
    check(!parts.prefix_space || model.adds_space, ErrorCode::kUnsupported, where_,
          ": tokenizer_config.json has add_prefix_space true, but the model adds no space");
    TokenizerParts rules_of_files = parts;
    rules_of_files.prefix_space = false;  // the library adds it
    take_rules(rules_of_files);
    Fingerprint all;
    all.add(parts.sentencepiece);
    rules = all.value();
    add_to_fingerprint(parts, all);
    fingerprint = all.value();
  }

  void append_text(std::string_view text, std::vector<TokenId>& ids) const override {
    std::vector<int> found;
    const auto status = library_.Encode(text, &found);
    check(status.ok(), ErrorCode::kInvalidArgument, where_, ": cannot encode: ", status.message());
    ids.insert(ids.end(), found.begin(), found.end());
  }

 private:
  // Adds the pieces to the vocabulary. Pieces that text becomes come first and bytes after them,
  // because find() prefers the token that was added first.
  void add_pieces(const SentencePieceModel& model) {
    const auto add = [&](auto is_meant, auto add_one) {
      for (size_t i = 0; i < model.pieces.size(); ++i) {
        const PieceKind kind = model.pieces[i].kind;
        if (is_meant(kind)) add_one(static_cast<TokenId>(i), model.pieces[i]);
      }
    };
    const auto is_special_kind = [](PieceKind kind) {
      return kind == PieceKind::kControl || kind == PieceKind::kUnknown;
    };
    add([&](PieceKind kind) { return kind != PieceKind::kByte && !is_special_kind(kind); },
        [&](TokenId id, const Piece& piece) {
          vocabulary.add(id, with_spaces(piece.text), where_);
        });
    add([](PieceKind kind) { return kind == PieceKind::kByte; },
        [&](TokenId id, const Piece& piece) {
          vocabulary.add(id, byte_of(piece, where_), where_);
        });
    add(is_special_kind, [&](TokenId id, const Piece& piece) {
      const bool is_unknown = piece.kind == PieceKind::kUnknown;
      vocabulary.add_hidden(id, is_unknown ? std::string(kUnknownText) : piece.text, where_);
      vocabulary.set_special(id);
      added.add(piece.text, AddedTokens::Pass::kRaw, piece.text, {.id = id}, where_);
    });
  }

  std::string where_;
  sentencepiece::SentencePieceProcessor library_;
};

}  // namespace

std::shared_ptr<const TokenizerData> make_sentencepiece_tokenizer(const TokenizerParts& parts) {
  return std::make_shared<const SentencePieceTokenizer>(parts);
}

}  // namespace gptj

#else

namespace gptj {

std::shared_ptr<const TokenizerData> make_sentencepiece_tokenizer(const TokenizerParts& parts) {
  fail(ErrorCode::kUnsupported,
       parts.sentencepiece_name +
           ": this build reads no SentencePiece models (it was configured without "
           "GPTJ_SENTENCEPIECE)");
}

}  // namespace gptj

#endif
