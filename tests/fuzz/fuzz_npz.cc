// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "formats/npy.h"
#include "gptj/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    gptj::read_npz(bytes, "npz");
  } catch (const gptj::Error&) {
  }
  return 0;
}
