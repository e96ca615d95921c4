// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "gptj/tokenizer.h"

namespace gptj {

// Counts the code points of a text that comes token by token, in the form that to_valid_utf8()
// gives the text.
class TextOffsets {
 public:
  // Returns the offset in code points at which a token of these bytes begins, and moves past the
  // token. A token that continues a character begins where the character does.
  int64_t push(std::string_view bytes);

 private:
  TextStream stream_;
  int64_t shown_ = 0;       // code points that are certain
  bool is_inside_ = false;  // true if the bytes so far end inside a character
};

}  // namespace gptj
