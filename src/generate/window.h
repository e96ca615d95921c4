// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

namespace gptj {

// Returns the position at which the window of a text of `length` tokens begins: the tokens from
// which the next token is computed. The position is 0 while the text fits the context. A longer
// text loses the older half of a full context, as often as it takes.
inline size_t window_begin(size_t length, size_t context) {
  if (length <= context) return 0;
  const size_t half = std::max<size_t>(context / 2, 1);
  return (length - context + half - 1) / half * half;
}

}  // namespace gptj
