// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/sentencepiece_model.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/byte_reader.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

constexpr size_t kMaxPieces = 1 << 20;
constexpr int kLongestVarint = 10;

// The ways in which protocol buffers write the value of a field.
enum class Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Numbers of the fields that matter, from sentencepiece_model.proto.
constexpr uint64_t kModelPieces = 1, kModelNormalizer = 3, kModelDenormalizer = 5;
constexpr uint64_t kPieceText = 1, kPieceScore = 2, kPieceKind = 3;
constexpr uint64_t kNormalizerTable = 2, kNormalizerAddsSpace = 3;

struct Field {
  uint64_t number = 0;
  Wire wire = Wire::kVarint;
  uint64_t value = 0;      // set if kVarint
  std::string_view bytes;  // set otherwise
};

uint64_t read_varint(ByteReader& reader) {
  uint64_t value = 0;
  for (int i = 0; i < kLongestVarint; ++i) {
    const auto byte = reader.little_endian<uint8_t>("a number");
    value |= static_cast<uint64_t>(byte & 0x7fu) << (7 * i);
    if (byte < 0x80) return value;
  }
  fail(ErrorCode::kBadFile, reader.where() + ": a number of more than 64 bits");
}

Field read_field(ByteReader& reader) {
  const uint64_t tag = read_varint(reader);
  // The library would keep 32 bits of a larger tag, and so find another field than this reader.
  check(tag <= UINT32_MAX, ErrorCode::kBadFile, reader.where(),
        ": expected a tag of at most 32 bits, found ", tag);
  Field field;
  field.number = tag >> 3;
  field.wire = static_cast<Wire>(tag & 7);
  switch (field.wire) {
    case Wire::kVarint: field.value = read_varint(reader); break;
    case Wire::kFixed64: field.bytes = reader.text(8, "a field"); break;
    case Wire::kBytes: field.bytes = reader.text(read_varint(reader), "a field"); break;
    case Wire::kFixed32: field.bytes = reader.text(4, "a field"); break;
    default:
      fail(ErrorCode::kBadFile,
           reader.where() + ": expected a SentencePiece model, found another file or damage");
  }
  return field;
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// The table of normalised characters: a trie as an array of units, each of which leads to others by
// xor, and the texts that the trie leads to.
class NormalizationTable {
 public:
  NormalizationTable(std::string_view table, const std::string& where) : where_(where) {
    ByteReader reader(as_bytes(table), where + ": normalization table");
    const auto trie_bytes = reader.little_endian<uint32_t>("size");
    const auto trie = reader.take(trie_bytes, "trie");
    texts_ = reader.text(reader.remaining(), "texts");
    need(trie_bytes > 0 && trie_bytes % sizeof(uint32_t) == 0 && !texts_.empty() &&
         texts_.back() == '\0');
    units_.resize(trie_bytes / sizeof(uint32_t));
    std::memcpy(units_.data(), trie.data(), trie.size());
  }

  // Throws kBadFile if the search could read outside the table. From a unit the search reads the
  // unit at its target xor a byte. If the unit has a leaf, the search also reads the unit at its
  // target, which holds the place of a text. Units with the top bit set are only such places,
  // except the first one: the search begins there, whatever its bits.
  void prove() const {
    for (uint32_t i = 0; i < units_.size(); ++i) {
      const uint32_t unit = units_[i];
      if (i != 0 && (unit >> 31) != 0) continue;
      const uint64_t target = i ^ ((unit >> 10) << ((unit & (1u << 9)) >> 6));
      need((target | 0xff) < units_.size());
      const bool has_leaf = (unit & (1u << 8)) != 0;
      need(!has_leaf || (units_[target] & 0x7fffffffu) < texts_.size());
    }
  }

 private:
  void need(bool ok) const {
    check(ok, ErrorCode::kBadFile, where_, ": the normalization table is damaged");
  }

  const std::string& where_;
  std::vector<uint32_t> units_;
  std::string_view texts_;
};

class ModelReader {
 public:
  explicit ModelReader(const std::string& where) : where_(where) {}

  SentencePieceModel read(std::string_view bytes) {
    ByteReader reader(as_bytes(bytes), where_);
    while (!reader.at_end()) {
      const Field field = read_field(reader);
      if (field.wire != Wire::kBytes) continue;
      if (field.number == kModelPieces) read_piece(field.bytes);
      if (field.number == kModelNormalizer) read_normalizer(field.bytes);
      if (field.number == kModelDenormalizer) refuse_denormalizer(field.bytes);
    }
    check(!model_.pieces.empty(), ErrorCode::kBadFile, where_,
          ": expected a SentencePiece model, found one without pieces, or another file");
    return std::move(model_);
  }

 private:
  void read_piece(std::string_view bytes) {
    const std::string where = concat(where_, ": piece ", model_.pieces.size());
    check(model_.pieces.size() < kMaxPieces, ErrorCode::kBadFile, where, ": expected at most ",
          kMaxPieces);
    Piece piece;
    ByteReader reader(as_bytes(bytes), where);
    while (!reader.at_end()) {
      const Field field = read_field(reader);
      if (field.number == kPieceText && field.wire == Wire::kBytes) piece.text = field.bytes;
      if (field.number == kPieceScore && field.wire == Wire::kFixed32) check_score(field, where);
      if (field.number == kPieceKind && field.wire == Wire::kVarint) {
        check(field.value >= 1 && field.value <= 6, ErrorCode::kBadFile, where,
              ": expected a kind from 1 to 6, found ", field.value);
        piece.kind = static_cast<PieceKind>(field.value);
      }
    }
    check(!piece.text.empty(), ErrorCode::kBadFile, where, ": empty");
    // The library would end the process at a zero byte.
    check(piece.text.find('\0') == std::string::npos, ErrorCode::kBadFile, where,
          ": expected text, found a zero byte in it");
    for (std::string_view rest = piece.text; !rest.empty();) {
      const Utf8Unit unit = next_utf8(rest);
      check(unit.kind == Utf8Kind::kWhole, ErrorCode::kBadFile, where, ": expected UTF-8, found ",
            quote(piece.text));
      rest.remove_prefix(unit.length);
    }
    model_.pieces.push_back(std::move(piece));
  }

  static void check_score(const Field& field, const std::string& where) {
    float score;
    std::memcpy(&score, field.bytes.data(), sizeof score);
    check(std::isfinite(score), ErrorCode::kBadFile, where, ": its score is not a number");
  }

  void read_normalizer(std::string_view bytes) {
    ByteReader reader(as_bytes(bytes), where_);
    while (!reader.at_end()) {
      const Field field = read_field(reader);
      if (field.number == kNormalizerTable && !field.bytes.empty()) {
        NormalizationTable(field.bytes, where_).prove();
      }
      if (field.number == kNormalizerAddsSpace && field.wire == Wire::kVarint) {
        model_.adds_space = field.value != 0;
      }
    }
  }

  void refuse_denormalizer(std::string_view bytes) const {
    ByteReader reader(as_bytes(bytes), where_);
    while (!reader.at_end()) {
      const Field field = read_field(reader);
      check(field.number != kNormalizerTable || field.bytes.empty(), ErrorCode::kUnsupported,
            where_, ": a table for decoding, which changes text across tokens");
    }
  }

  const std::string& where_;
  SentencePieceModel model_;
};

}  // namespace

SentencePieceModel read_sentencepiece_model(std::string_view bytes, const std::string& where) {
  return ModelReader(where).read(bytes);
}

}  // namespace gptj
