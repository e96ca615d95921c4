// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share. A parser may return or throw an Error; whatever else it does is a
// finding.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gptj/error.h"
#include "support/temp_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace gptj::fuzz {

template <class Parse>
int run(Parse parse) {
  try {
    parse();
  } catch (const Error&) {
  }
  return 0;
}

inline std::span<const std::byte> bytes_of(const uint8_t* data, size_t size) {
  return std::as_bytes(std::span(data, size));
}
inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The folder that inputs are written to, and what lies beside them.
inline const test::TempFolder& folder() {
  static const test::TempFolder folder;
  return folder;
}
inline std::string file_of(const uint8_t* data, size_t size, const std::string& name = "input") {
  return folder().write(name, text_of(data, size));
}

// Reads every byte of a range, so that a sanitizer sees one that lies elsewhere.
inline void touch(std::span<const std::byte> bytes) {
  [[maybe_unused]] static volatile unsigned sum = 0;
  unsigned all = 0;
  for (const std::byte b : bytes) all += std::to_integer<unsigned>(b);
  sum = all;
}

}  // namespace gptj::fuzz
