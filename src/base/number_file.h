// SPDX-License-Identifier: Apache-2.0
// Reads files of numbers that the kernel writes under /proc and /sys.
#pragma once

#include <cstdint>
#include <fstream>
#include <limits>
#include <locale>
#include <string>

namespace gptj {

// The result if there is no such file, or no number in it ("max"). For a limit that is not set,
// kernels may also write a number above this one.
inline constexpr uint64_t kNoNumber = uint64_t{1} << 62;

// Returns the number that a file begins with, or kNoNumber.
inline uint64_t read_number(const std::string& path) {
  std::ifstream file(path);
  file.imbue(std::locale::classic());
  uint64_t value = 0;
  return file >> value ? value : kNoNumber;
}

// Returns the value of `key` in a file of lines "key value", or kNoNumber.
inline uint64_t read_number(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  file.imbue(std::locale::classic());
  std::string word;
  uint64_t value = 0;
  while (file >> word) {
    if (word == key && file >> value) return value;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return kNoNumber;
}

}  // namespace gptj
