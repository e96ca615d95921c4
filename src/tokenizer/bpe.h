// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding of one word. Among all neighbours that may merge, the pair of the lowest rank
// merges, and of equal ranks the leftmost; this repeats until no pair may merge.
#pragma once

#include <span>

#include "tokenizer/merge_table.h"

namespace gptj {

// Merge `symbols` in place and return how many are left. Both functions give the same result.
// merge_short_word() takes quadratic time and at most kShortWord symbols; merge_long_word() takes n
// log n.
inline constexpr size_t kShortWord = 48;
size_t merge_short_word(const MergeTable& merges, std::span<TokenId> symbols);
size_t merge_long_word(const MergeTable& merges, std::span<TokenId> symbols);

// Merges `symbols` by the function that is faster for their number.
size_t merge_word(const MergeTable& merges, std::span<TokenId> symbols);

}  // namespace gptj
