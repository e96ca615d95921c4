// SPDX-License-Identifier: Apache-2.0
// GPT-2's rule for cutting text into words. Tokens never cross the border of a word:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// Bytes that are not UTF-8 belong to the class [^\s\p{L}\p{N}].
#pragma once

#include <cstddef>
#include <string_view>

namespace gptj {

// Returns the length in bytes of the first word of `text`. REQUIRES: `text` is not empty.
size_t first_word_length(std::string_view text);

// Return the length in bytes of the whitespace at the beginning or the end of `text`.
size_t leading_whitespace(std::string_view text);
size_t trailing_whitespace(std::string_view text);

// Return whether the first or the last character of `text` belongs to words, which is \w of
// Unicode's regular expressions: letters, marks, decimal digits, connecting punctuation, joiners.
// False if there is no character, or no valid UTF-8.
bool starts_with_word(std::string_view text);
bool ends_with_word(std::string_view text);

}  // namespace gptj
