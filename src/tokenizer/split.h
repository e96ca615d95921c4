// SPDX-License-Identifier: Apache-2.0
// GPT-2's rule for cutting text into words, which tokens never cross:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// Bytes that are not UTF-8 belong to the third class.
#pragma once

#include <cstddef>
#include <string_view>

namespace gptj {

// The length in bytes of the first word of `text`, which is not empty.
size_t first_word_length(std::string_view text);

// The length of the whitespace at the beginning or the end of `text`.
size_t leading_whitespace(std::string_view text);
size_t trailing_whitespace(std::string_view text);

// Whether the first, the last character of `text` is one of words, \w of Unicode's regular
// expressions: letters, marks, decimal digits, connecting punctuation, joiners. False where there
// is none, or no valid UTF-8.
bool starts_with_word(std::string_view text);
bool ends_with_word(std::string_view text);

}  // namespace gptj
