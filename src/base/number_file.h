// SPDX-License-Identifier: Apache-2.0
// Files of numbers, as the kernel writes them under /proc and /sys.
#pragma once

#include <cstdint>
#include <fstream>
#include <limits>
#include <locale>
#include <string>

namespace gptj {

// No such file, or no number in it ("max"); kernels write limits that are none as larger ones.
inline constexpr uint64_t kNoNumber = uint64_t{1} << 62;

// The number that a file begins with.
inline uint64_t read_number(const std::string& path) {
  std::ifstream file(path);
  file.imbue(std::locale::classic());
  uint64_t value = 0;
  return file >> value ? value : kNoNumber;
}

// The value of `key` in a file of lines "key value".
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
