// SPDX-License-Identifier: Apache-2.0
#include "sampling/stop_text.h"

#include <algorithm>
#include <utility>

namespace gptj {

// Returns the new `matched` after one more byte, where `length` is the old one.
size_t StopText::Stop::after(size_t length, char byte) const {
  while (length > 0 && (length == text.size() || text[length] != byte)) length = borders[length];
  return length < text.size() && text[length] == byte ? length + 1 : 0;
}

StopText::StopText(const std::vector<std::string>& stops) {
  for (const std::string& text : stops) {
    Stop stop{text, {0, 0}};
    for (size_t n = 1; n < text.size(); ++n) {
      stop.borders.push_back(stop.after(stop.borders[n], text[n]));
    }
    stops_.push_back(std::move(stop));
  }
}

std::string StopText::push(std::string_view bytes, bool may_stop) {
  std::string certain;
  for (const char byte : bytes) {
    held_ += byte;
    size_t completed = 0, keep = 0;
    for (Stop& stop : stops_) {
      stop.matched = stop.after(stop.matched, byte);
      const bool whole = stop.matched == stop.text.size();
      if (whole) completed = std::max(completed, stop.matched);
      keep = std::max(keep, whole ? stop.borders[stop.matched] : stop.matched);
    }
    if (may_stop && completed > 0) {
      stopped_ = true;
      release(completed, certain);
      held_.clear();
      begin_ = 0;
      return certain;
    }
    release(keep, certain);
  }
  return certain;
}

// Appends to `certain` all held bytes but the last `keep`.
void StopText::release(size_t keep, std::string& certain) {
  const size_t end = held_.size() - keep;
  certain.append(held_, begin_, end - begin_);
  begin_ = end;
  if (begin_ <= keep) return;  // erased only beyond this, each byte is moved at most once
  held_.erase(0, begin_);
  begin_ = 0;
}

std::string StopText::finish() {
  std::string rest;
  release(0, rest);
  return rest;
}

}  // namespace gptj
