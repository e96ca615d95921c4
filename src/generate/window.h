// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

namespace gptj {

// Where, of a text of `length` tokens, those begin that what follows is computed from: at 0 while
// it fits the context; else the older half of a full context is dropped, as often as it takes.
inline size_t window_begin(size_t length, size_t context) {
  if (length <= context) return 0;
  const size_t half = std::max<size_t>(context / 2, 1);
  return (length - context + half - 1) / half * half;
}

}  // namespace gptj
