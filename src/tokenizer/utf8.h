// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gptj {

enum class Utf8Kind { kWhole, kInvalid, kIncomplete };

// One unit of a text: a character, or bytes that turned out to be none.
struct Utf8Unit {
  Utf8Kind kind;
  size_t length;        // in bytes; if kInvalid: of the maximal subpart (Unicode 15, chapter 3.9)
  char32_t code_point;  // set if kWhole
};

// Returns the first unit of `bytes`; kIncomplete if the bytes end inside a character. REQUIRES:
// `bytes` is not empty.
Utf8Unit next_utf8(std::string_view bytes);

// Returns the beginning of `bytes` in quotation marks, always valid UTF-8, for messages.
std::string quote(std::string_view bytes);

}  // namespace gptj
