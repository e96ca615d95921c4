// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gptj {

// Looks for stop strings in bytes as they come, across token borders. Which one ends the text does
// not depend on how the bytes are cut: the one completed first, of those the longest.
class StopText {
 public:
  explicit StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Returns the bytes that are certain to be text: before a stop string if one is completed here
  // and `may_stop`, else all but what may yet become part of one.
  std::string push(std::string_view bytes, bool may_stop);

  bool stopped() const { return stopped_; }

  // The bytes still held, where the text ends without a stop string.
  std::string finish();

 private:
  size_t longest_ending_here() const;
  size_t longest_beginning() const;

  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace gptj
