// SPDX-License-Identifier: Apache-2.0
#include "formats/pickle.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kAllowed[] = {"torch._utils._rebuild_tensor_v2", "torch.FloatStorage",
                                           "torch.HalfStorage", "torch.BoolStorage"};
  return gptj::fuzz::run([&] {
    gptj::ByteReader reader(gptj::fuzz::bytes_of(data, size), "input");
    const gptj::Pickle pickle(reader, kAllowed);
    for (const gptj::PickleValue* item : pickle.root().items) gptj::concat(*item);
  });
}
