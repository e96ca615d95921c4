// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gptj {

// Looks for stop strings in bytes as they come, across token borders. The stop string that is
// completed first ends the text; of several completed by the same byte, the longest does. This does
// not depend on how the bytes are cut. Takes time in proportion to the bytes and the number of stop
// strings, not to their length.
class StopText {
 public:
  explicit StopText(const std::vector<std::string>& stops);

  // Returns the bytes that are now certain to be text. If `may_stop` and a stop string is completed
  // here, they are the bytes before it; else all bytes but those that may yet become part of one.
  std::string push(std::string_view bytes, bool may_stop);

  bool stopped() const { return stopped_; }

  // Returns the bytes that are still held, for a text that ends without a stop string.
  std::string finish();

 private:
  // One stop string, searched for as Knuth, Morris and Pratt do. `borders[n]` is the length of the
  // longest proper beginning of its first n bytes that is also their end. `matched` is the length
  // of its longest beginning with which the text so far ends.
  struct Stop {
    std::string text;
    std::vector<size_t> borders;
    size_t matched = 0;

    size_t after(size_t length, char byte) const;
  };

  void release(size_t keep, std::string& certain);

  std::vector<Stop> stops_;
  std::string held_;
  size_t begin_ = 0;  // place in held_ of the first byte that is not yet text
  bool stopped_ = false;
};

}  // namespace gptj
