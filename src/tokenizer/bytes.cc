// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bytes.h"

#include <array>

#include "tokenizer/utf8.h"

namespace gptj {
namespace {

// The bytes that do not stand for themselves are spelled as the 68 characters from U+0100 on.
constexpr int kFirstShifted = 0x100;
constexpr int kShifted = 68;

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<int, kFirstShifted + kShifted> byte{};  // -1 if the character is not in the alphabet
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(-1);
  int shifted = kFirstShifted;
  for (int byte = 0; byte < 256; ++byte) {
    const int character = stands_for_itself(byte) ? byte : shifted++;
    alphabet.character[byte] = static_cast<char32_t>(character);
    alphabet.byte[character] = byte;
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::optional<std::string> bytes_of_name(std::string_view name) {
  std::string bytes;
  while (!name.empty()) {
    const Utf8Unit unit = next_utf8(name);
    if (unit.kind != Utf8Kind::kWhole || unit.code_point >= kAlphabet.byte.size()) return {};
    const int byte = kAlphabet.byte[unit.code_point];
    if (byte < 0) return {};
    bytes += static_cast<char>(byte);
    name.remove_prefix(unit.length);
  }
  return bytes;
}

std::string name_of_bytes(std::string_view bytes) {
  std::string name;
  for (const char byte : bytes) {
    const char32_t c = kAlphabet.character[static_cast<unsigned char>(byte)];
    if (c >= 0x80) name += static_cast<char>(0xC0 | (c >> 6));
    name += static_cast<char>(c < 0x80 ? c : 0x80 | (c & 0x3F));
  }
  return name;
}

}  // namespace gptj
