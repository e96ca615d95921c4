// SPDX-License-Identifier: Apache-2.0
// Two journals, the second behind the first newline that ends an empty line.
#include <cstdio>

#include "fuzz/fuzz.h"
#include "gptj/jobs.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all = gptj::fuzz::text_of(data, size);
  const size_t cut = std::min(all.size(), all.find("\n\n"));
  const auto& folder = gptj::fuzz::folder();
  std::vector<std::string> parts;
  for (const std::string_view journal : {all.substr(0, cut + 1 > size ? size : cut + 1),
                                         all.substr(cut + 2 > size ? size : cut + 2)}) {
    if (journal.empty()) continue;
    parts.push_back(folder.path("part" + std::to_string(parts.size())));
    folder.write("part" + std::to_string(parts.size() - 1) + ".journal", journal);
  }
  std::remove(folder.path("merged").c_str());
  return gptj::fuzz::run([&] { gptj::merge_job(parts, folder.path("merged")); });
}
