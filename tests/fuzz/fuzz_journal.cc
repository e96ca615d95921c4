// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"
#include "jobs/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return gptj::fuzz::run([&] {
    const auto journal = gptj::Journal::open_to_read(gptj::fuzz::file_of(data, size));
    if (!journal) return;
    for (const int64_t line : journal->lines()) journal->record(line);
  });
}
