// SPDX-License-Identifier: Apache-2.0
#include "generate/stop_text.h"

#include <algorithm>
#include <utility>

namespace gptj {

std::string StopText::push(std::string_view bytes, bool may_stop) {
  std::string certain;
  for (const char byte : bytes) {
    held_ += byte;
    const size_t length = may_stop ? longest_ending_here() : 0;
    if (length > 0) {
      stopped_ = true;
      certain.append(held_, 0, held_.size() - length);
      held_.clear();
      return certain;
    }
    const size_t keep = longest_beginning();
    certain.append(held_, 0, held_.size() - keep);
    held_.erase(0, held_.size() - keep);
  }
  return certain;
}

std::string StopText::finish() { return std::exchange(held_, {}); }

// The length of the longest stop string that held_ ends with; 0: none.
size_t StopText::longest_ending_here() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    if (held_.ends_with(stop)) longest = std::max(longest, stop.size());
  }
  return longest;
}

// The length of the longest end of held_ that a stop string may go on from.
size_t StopText::longest_beginning() const {
  const std::string_view held = held_;
  for (size_t length = held.size(); length > 0; --length) {
    const std::string_view end = held.substr(held.size() - length);
    for (const std::string& stop : stops_) {
      if (length < stop.size() && stop.starts_with(end)) return length;
    }
  }
  return 0;
}

}  // namespace gptj
