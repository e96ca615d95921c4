// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace gptj {

// A hash of 64 bits that tells inputs apart that differ by accident, not by malice. Each word of
// 8 bytes is mixed in by an invertible step. The lengths of the byte spans and texts added count
// too.
class Fingerprint {
 public:
  void add(uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15u;
    state_ ^= state_ >> 29;
  }
  void add(std::span<const std::byte> bytes) {
    add(bytes.size());
    for (size_t i = 0; i < bytes.size(); i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, bytes.size() - i < 8 ? bytes.size() - i : 8);
      add(word);
    }
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }

  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x6A09E667F3BCC908u;
};

// Returns 16 hexadecimal digits.
std::string hexadecimal(uint64_t value);

}  // namespace gptj
