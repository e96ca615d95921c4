// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/config.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    gptj::Warnings warnings;
    gptj::GenerationDefaults defaults = gptj::parse_generation_defaults(
        gptj::fuzz::text_of(data, size), "generation_config.json", warnings);
    gptj::drop_foreign_ids(defaults, 100, "generation_config.json", warnings);
  });
}
