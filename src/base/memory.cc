// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <algorithm>
#include <charconv>

#include "base/cgroup.h"
#include "base/number_file.h"

namespace gptj {

uint64_t available_memory() {
  const uint64_t kib = read_number("/proc/meminfo", "MemAvailable:");
  const uint64_t system = kib < kNoNumber / 1024 ? kib * 1024 : kNoNumber;
  return std::min(system, cgroup_memory_left());
}

namespace {

// Returns bytes / unit with two decimals behind a point, whatever the host's locale is.
std::string in_units(uint64_t bytes, double unit, const char* name) {
  char text[32];
  const double value = static_cast<double>(bytes) / unit;
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 2).ptr;
  return std::string(text, end) + name;
}

}  // namespace

std::string gigabytes(uint64_t bytes) { return in_units(bytes, 1e9, " GB"); }

std::string size_text(uint64_t bytes) {
  if (bytes >= 100'000'000) return gigabytes(bytes);
  if (bytes >= 10'000) return in_units(bytes, 1e6, " MB");
  return std::to_string(bytes) + " bytes";
}

}  // namespace gptj
