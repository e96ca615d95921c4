// SPDX-License-Identifier: Apache-2.0
// sampler_cases FILE: checks a file of the shape of tests/golden/sampler.json. Exit code 1 if a
// case differs or the file is bad, 2 for wrong usage.
#include "sampling/sampler_cases.h"

#include <cstdio>

namespace {

int run(const char* path) {
  const gptj::Json file = gptj::parse_json_file(path, size_t{1} << 30);
  int passed = 0, differ = 0;
  for (const gptj::Json& json : file.at("cases")) {
    const std::string found = gptj::difference(gptj::read_sampler_case(json));
    ++(found.empty() ? passed : differ);
    if (!found.empty()) std::fprintf(stderr, "differs: %s\n", found.c_str());
  }
  std::printf("%d cases: %d passed, %d differ\n", passed + differ, passed, differ);
  return differ == 0 && passed > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
    return 1;
  }
}
