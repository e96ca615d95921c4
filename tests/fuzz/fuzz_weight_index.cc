// SPDX-License-Identifier: Apache-2.0
#include "formats/weight_index.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool has_shards = [] {
    for (const char* shard : {"s1", "s2"}) gptj::fuzz::folder().write(shard, "");
    return true;
  }();
  return gptj::fuzz::run([&] {
    gptj::open_shards(gptj::fuzz::file_of(data, size), [](const std::string& path) {
      return std::vector<std::string>{has_shards && path.ends_with("s1") ? "a" : "b"};
    });
  });
}
