// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"
#include "fuzz/models.h"
#include "gptj/session.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const gptj::Model model = gptj::fuzz::small_model();
  return gptj::fuzz::run([&] {
    gptj::Session session(model);
    session.load(gptj::fuzz::file_of(data, size));
  });
}
