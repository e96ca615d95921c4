// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"
#include "model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    gptj::parse_generation_defaults(gptj::fuzz::text_of(data, size), "generation_config.json");
  });
}
