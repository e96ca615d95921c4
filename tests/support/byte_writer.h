// SPDX-License-Identifier: Apache-2.0
// Binary files for tests, right ones and wrong ones.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace gptj::test {

struct ByteWriter {
  std::string bytes;

  template <class Number>
  ByteWriter& little(Number number) {
    char raw[sizeof number];
    std::memcpy(raw, &number, sizeof number);
    bytes.append(raw, sizeof number);
    return *this;
  }
  template <class Number>
  ByteWriter& big(Number number) {
    little(number);
    std::reverse(bytes.end() - sizeof number, bytes.end());
    return *this;
  }
  ByteWriter& text(std::string_view raw) {
    bytes += raw;
    return *this;
  }
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace gptj::test
