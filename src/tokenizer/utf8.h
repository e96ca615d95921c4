// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gptj {

enum class Utf8Kind { kWhole, kInvalid, kIncomplete };

// One character, or the bytes up to where it turned out to be none.
struct Utf8Unit {
  Utf8Kind kind;
  size_t length;        // in bytes; of kInvalid: the maximal subpart (Unicode 15, chapter 3.9)
  char32_t code_point;  // of kWhole
};

// The first unit of `bytes`, which are not empty. kIncomplete: the bytes end inside a character.
Utf8Unit next_utf8(std::string_view bytes);

// For messages: the beginning of `bytes` in quotation marks, always valid UTF-8.
std::string quote(std::string_view bytes);

}  // namespace gptj
