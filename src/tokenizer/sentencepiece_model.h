// SPDX-License-Identifier: Apache-2.0
// The contents of a SentencePiece model. They are read from its protocol buffer without the
// library, because the library trusts some of its input.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gptj {

// The kinds of pieces, by their numbers in the file.
enum class PieceKind { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct Piece {
  std::string text;  // UTF-8, with U+2581 for a space
  PieceKind kind = PieceKind::kNormal;
};

struct SentencePieceModel {
  std::vector<Piece> pieces;  // by id
  bool adds_space = true;     // true if encoding puts a space before a text
};

// Reads a model. Checks its shape, and that its table of normalised characters leads nowhere
// outside itself. `where` (a path) begins every message. Throws kBadFile; kUnsupported for a model
// that changes text again when it decodes.
SentencePieceModel read_sentencepiece_model(std::string_view bytes, const std::string& where);

}  // namespace gptj
