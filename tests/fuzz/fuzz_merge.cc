// SPDX-License-Identifier: Apache-2.0
// Two journals, the second behind the first newline that ends an empty line.
#include <cstdio>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"
#include "gptj/jobs.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all = gptj::fuzz::text_of(data, size);
  const size_t cut = all.find("\n\n");
  std::vector<std::string_view> journals = {all};
  if (cut != std::string_view::npos) journals = {all.substr(0, cut + 1), all.substr(cut + 2)};
  const auto& folder = gptj::fuzz::folder();
  std::vector<std::string> parts;
  for (const std::string_view journal : journals) {
    const std::string part = "part" + std::to_string(parts.size());
    folder.write(part + ".journal", journal);
    parts.push_back(folder.path(part));
  }
  std::remove(folder.path("merged").c_str());
  return gptj::fuzz::run([&] { gptj::merge_job(parts, folder.path("merged")); });
}
