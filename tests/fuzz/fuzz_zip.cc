// SPDX-License-Identifier: Apache-2.0
#include "formats/zip.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    for (const gptj::ZipEntry& entry : gptj::read_zip(gptj::fuzz::bytes_of(data, size), "input")) {
      gptj::fuzz::touch(entry.bytes);
    }
  });
}
