// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding of one word: of the neighbours that may merge, those of the lowest rank do,
// the leftmost first, until none may.
#pragma once

#include <span>

#include "tokenizer/merge_table.h"

namespace gptj {

// Merges `symbols` in place and returns how many are left. The result of both is the same.
// The first is quadratic and takes at most kShortWord symbols; the second n log n.
inline constexpr size_t kShortWord = 48;
size_t merge_short_word(const MergeTable& merges, std::span<TokenId> symbols);
size_t merge_long_word(const MergeTable& merges, std::span<TokenId> symbols);

// Whichever is the faster.
size_t merge_word(const MergeTable& merges, std::span<TokenId> symbols);

}  // namespace gptj
