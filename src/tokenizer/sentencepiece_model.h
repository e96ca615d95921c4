// SPDX-License-Identifier: Apache-2.0
// What a SentencePiece model says, read from its protocol buffer without the library: the library
// trusts some of what it is given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gptj {

// As the files number them.
enum class PieceKind { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct Piece {
  std::string text;  // UTF-8, with U+2581 for a space
  PieceKind kind = PieceKind::kNormal;
};

struct SentencePieceModel {
  std::vector<Piece> pieces;  // by id
  bool adds_space = true;     // before a text
};

// Proves the model's shape, and that its table of normalised characters leads nowhere outside
// itself. `where` (a path) begins every message. Throws kBadFile; kUnsupported for a model that
// changes text again when decoding.
SentencePieceModel read_sentencepiece_model(std::string_view bytes, const std::string& where);

}  // namespace gptj
