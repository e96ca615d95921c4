// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "formats/msgpack.h"
#include "gptj/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    gptj::read_flax_arrays(bytes, "msgpack");
  } catch (const gptj::Error&) {
  }
  return 0;
}
