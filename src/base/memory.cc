// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>

namespace gptj {
namespace {

constexpr uint64_t kUnknown = uint64_t{1} << 63;

// The number that a file consists of, or kUnknown ("max", no file).
uint64_t read_number(const std::string& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? value : kUnknown;
}

// The value of `key` in a file of lines "key value".
uint64_t read_key(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string word;
  uint64_t value = 0;
  while (file >> word) {
    if (word == key && file >> value) return value;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return kUnknown;
}

// What a cgroup's limit leaves; file pages that can be dropped at will count as free.
uint64_t cgroup_left(uint64_t limit, uint64_t used, uint64_t inactive_file) {
  if (limit >= kUnknown || used >= kUnknown) return kUnknown;
  if (inactive_file < kUnknown) used -= std::min(used, inactive_file);
  return limit > used ? limit - used : 0;
}

}  // namespace

uint64_t available_memory() {
  const uint64_t kib = read_key("/proc/meminfo", "MemAvailable:");
  const uint64_t system = kib < kUnknown / 1024 ? kib * 1024 : kUnknown;
  const std::string v2 = "/sys/fs/cgroup/", v1 = "/sys/fs/cgroup/memory/";
  return std::min({system,
                   cgroup_left(read_number(v2 + "memory.max"), read_number(v2 + "memory.current"),
                               read_key(v2 + "memory.stat", "inactive_file")),
                   cgroup_left(read_number(v1 + "memory.limit_in_bytes"),
                               read_number(v1 + "memory.usage_in_bytes"),
                               read_key(v1 + "memory.stat", "total_inactive_file"))});
}

std::string gigabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

}  // namespace gptj
