// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <algorithm>
#include <cstdio>

#include "base/cgroup.h"
#include "base/number_file.h"

namespace gptj {

uint64_t available_memory() {
  const uint64_t kib = read_number("/proc/meminfo", "MemAvailable:");
  const uint64_t system = kib < kNoNumber / 1024 ? kib * 1024 : kNoNumber;
  return std::min(system, cgroup_memory_left());
}

std::string gigabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

}  // namespace gptj
