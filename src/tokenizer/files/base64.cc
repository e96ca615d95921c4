// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/files/base64.h"

#include <cstdint>

#include "base/check.h"

namespace gptj {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kBytes = 3, kDigitsOfBytes = 4;

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + kBytes - 1) / kBytes * kDigitsOfBytes);
  for (size_t at = 0; at < bytes.size(); at += kBytes) {
    const std::string_view part = bytes.substr(at, kBytes);
    uint32_t bits = 0;
    for (size_t i = 0; i < kBytes; ++i) {
      bits = (bits << 8) | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0u);
    }
    for (size_t i = 0; i < kDigitsOfBytes; ++i) {
      text += i <= part.size() ? kDigits[(bits >> (18 - 6 * i)) & 63u] : '=';
    }
  }
  return text;
}

std::string from_base64(std::string_view text, const std::string& where) {
  std::string bytes;
  uint32_t bits = 0;
  const std::string_view digits = text.substr(0, text.find_last_not_of('=') + 1);
  bool ok = text.size() % kDigitsOfBytes == 0 && text.size() - digits.size() < kBytes;
  for (size_t i = 0; i < digits.size() && ok; ++i) {
    const size_t digit = kDigits.find(digits[i]);
    ok = digit != kDigits.npos;
    bits = (bits << 6) | static_cast<uint32_t>(digit & 63u);
    const size_t held = (i % kDigitsOfBytes) * 6 + 6;  // bits of this group so far
    if (held >= 12) bytes += static_cast<char>((bits >> (held % 8)) & 255u);
  }
  // The bits of the last digit that belong to no byte: 4 bits if the last group has two digits, 2
  // if it has three.
  const uint32_t unused = (1u << (digits.size() % kDigitsOfBytes * 6 % 8)) - 1;
  ok = ok && digits.size() % kDigitsOfBytes != 1 && (bits & unused) == 0;
  check(ok, ErrorCode::kBadFile, where, ": expected base64");
  return bytes;
}

}  // namespace gptj
