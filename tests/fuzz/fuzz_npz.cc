// SPDX-License-Identifier: Apache-2.0
#include "formats/npy.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] { gptj::read_npz(gptj::fuzz::bytes_of(data, size), "npz"); });
}
