// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gptj {

// A hash of 64 bits that tells inputs apart that differ by accident, not by malice: XXH3 of each
// piece added, seeded with the hash of the pieces before it. The lengths of the pieces count too.
class Fingerprint {
 public:
  void add(std::span<const std::byte> bytes);
  void add(uint64_t word) { add(std::as_bytes(std::span(&word, 1))); }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }

  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0;
};

// Returns 16 hexadecimal digits.
std::string hexadecimal(uint64_t value);

}  // namespace gptj
