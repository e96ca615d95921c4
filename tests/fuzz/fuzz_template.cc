// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"
#include "gptj/template.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const auto format = gptj::load_prompt_template(gptj::fuzz::file_of(data, size));
    format.first_turn("Why {prompt}?");
    format.next_turn("");
  });
}
