// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/utf8.h"

#include "base/check.h"
#include "gptj/tokenizer.h"

namespace gptj {
namespace {

size_t length_by_lead(unsigned char lead) {
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

}  // namespace

Utf8Unit next_utf8(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x80) return {Utf8Kind::kWhole, 1, lead};
  const size_t length = length_by_lead(lead);
  if (length == 0) return {Utf8Kind::kInvalid, 1, 0};
  // The range of the second byte excludes overlong forms, surrogates and code points above
  // U+10FFFF.
  unsigned lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code_point = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {Utf8Kind::kIncomplete, i, 0};
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte < lowest || byte > highest) return {Utf8Kind::kInvalid, i, 0};
    code_point = (code_point << 6) | (byte & 0x3Fu);
    lowest = 0x80;
    highest = 0xBF;
  }
  return {Utf8Kind::kWhole, length, code_point};
}

std::string quote(std::string_view bytes) {
  constexpr size_t kLongest = 80;
  const char* cut = bytes.size() > kLongest ? "..." : "";
  return concat('"', to_valid_utf8(bytes.substr(0, kLongest)), cut, '"');
}

}  // namespace gptj
