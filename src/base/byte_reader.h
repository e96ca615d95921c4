// SPDX-License-Identifier: Apache-2.0
// Reads the bytes of a file from front to back, and never past their end.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace gptj {

class ByteReader {
 public:
  // `where` begins every message: the file, and the part of the file. REQUIRES: the bytes outlive
  // the reader.
  ByteReader(std::span<const std::byte> bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  bool at_end() const { return remaining() == 0; }

  // Returns the next n bytes. Throws kBadFile, naming `what`, if fewer are left.
  std::span<const std::byte> take(uint64_t n, std::string_view what) {
    check(n <= remaining(), ErrorCode::kBadFile, where_, ": ", what, ": expected ", n, " bytes at ",
          position_, ", found ", remaining());
    const auto taken = bytes_.subspan(position_, n);
    position_ += n;
    return taken;
  }

  // Returns the next n bytes as text. Throws as take() does.
  std::string_view text(uint64_t n, std::string_view what) {
    const auto taken = take(n, what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  template <class Number>
  Number little_endian(std::string_view what) {
    static_assert(std::is_arithmetic_v<Number>);
    Number number;
    std::memcpy(&number, take(sizeof number, what).data(), sizeof number);
    return number;
  }

  template <class Number>
  Number big_endian(std::string_view what) {
    static_assert(std::is_arithmetic_v<Number>);
    std::array<std::byte, sizeof(Number)> bytes;
    std::memcpy(bytes.data(), take(bytes.size(), what).data(), bytes.size());
    std::reverse(bytes.begin(), bytes.end());
    Number number;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }

 private:
  std::span<const std::byte> bytes_;
  std::string where_;
  size_t position_ = 0;
};

}  // namespace gptj
