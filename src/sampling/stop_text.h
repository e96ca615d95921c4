// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gptj {

// Looks for stop strings in bytes as they come, across token borders. Which one ends the text does
// not depend on how the bytes are cut: the one completed first, of those the longest. Takes time in
// proportion to the bytes and the number of stop strings, not to their length.
class StopText {
 public:
  explicit StopText(const std::vector<std::string>& stops);

  // Returns the bytes that are certain to be text: before a stop string if one is completed here
  // and `may_stop`, else all but what may yet become part of one.
  std::string push(std::string_view bytes, bool may_stop);

  bool stopped() const { return stopped_; }

  // The bytes still held, where the text ends without a stop string.
  std::string finish();

 private:
  // One stop string, by Knuth, Morris and Pratt: `borders[n]` is the length of the longest proper
  // beginning of its first n bytes that is also their end, `matched` that of the longest beginning
  // with which the text so far ends.
  struct Stop {
    std::string text;
    std::vector<size_t> borders;
    size_t matched = 0;

    size_t after(size_t length, char byte) const;
  };

  void release(size_t keep, std::string& certain);

  std::vector<Stop> stops_;
  std::string held_;
  size_t begin_ = 0;  // of the held bytes that are not yet text
  bool stopped_ = false;
};

}  // namespace gptj
