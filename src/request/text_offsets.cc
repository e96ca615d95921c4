// SPDX-License-Identifier: Apache-2.0
#include "request/text_offsets.h"

#include <algorithm>

namespace gptj {
namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char byte) { return !continues(byte); });
}

}  // namespace

int64_t TextOffsets::push(std::string_view bytes) {
  // A character that this token does not continue becomes one U+FFFD.
  const bool gives_up = is_inside_ && !bytes.empty() && !continues(bytes.front());
  const int64_t offset = shown_ + (gives_up ? 1 : 0);
  shown_ += code_points(stream_.push(bytes));
  TextStream rest = stream_;
  is_inside_ = !rest.finish().empty();
  return offset;
}

}  // namespace gptj
