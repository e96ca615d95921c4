// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "gptj/tokenizer.h"

namespace gptj {

// Counts the code points of a text that comes token by token, as to_valid_utf8() shows it.
class TextOffsets {
 public:
  // Returns where a token of these bytes begins, and goes past it. A token that continues a
  // character begins where the character does.
  int64_t push(std::string_view bytes);

 private:
  TextStream stream_;
  int64_t shown_ = 0;       // code points that are certain
  bool is_inside_ = false;  // whether the bytes so far end inside a character
};

}  // namespace gptj
