// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "gptj/tokenizer.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

std::string TextStream::push(std::string_view bytes) {
  held_ += bytes;
  std::string text;
  std::string_view rest = held_;
  while (!rest.empty()) {
    const Utf8Unit unit = next_utf8(rest);
    if (unit.kind == Utf8Kind::kIncomplete) break;
    text += unit.kind == Utf8Kind::kWhole ? rest.substr(0, unit.length) : kReplacement;
    rest.remove_prefix(unit.length);
  }
  held_ = std::string(rest);
  return text;
}

std::string TextStream::finish() {
  // The held bytes begin one character, so they are one maximal subpart and become one U+FFFD.
  return std::exchange(held_, {}).empty() ? std::string() : std::string(kReplacement);
}

std::string to_valid_utf8(std::string_view bytes) {
  TextStream stream;
  std::string text = stream.push(bytes);
  return text + stream.finish();
}

}  // namespace gptj
