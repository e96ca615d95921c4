// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <vector>

#include "base/number_file.h"

namespace gptj {
namespace {

// Returns whether `list` ("cpu,cpuacct") names the controller. The list of version 2 is empty, and
// stands for every controller.
bool holds(const std::string& list, const std::string& controller) {
  return list.empty() || ("," + list + ",").find("," + controller + ",") != std::string::npos;
}

// Returns the folders of the process's group and of the groups above it, the top last. A container
// that sees only its own group sees it as the last folder.
std::vector<std::string> folders(const std::string& root, const std::string& controller) {
  std::vector<std::string> found;
  std::ifstream lines(root + "/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {  // number:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string list = line.substr(first + 1, second - first - 1);
    if (!holds(list, controller)) continue;
    const std::string mount = root + "/sys/fs/cgroup" + (list.empty() ? "" : "/" + controller);
    for (std::string path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
      found.push_back(mount + path);
      if (path.find('/') == std::string::npos) break;
    }
  }
  return found;
}

// Returns the bytes of files that are cached in a group's memory. The kernel drops such bytes when
// it needs room, whether they were read once (inactive) or often (active). `prefix` stands before
// the names of the sums that include the groups below.
uint64_t file_bytes(const std::string& stat, const std::string& prefix) {
  uint64_t bytes = 0;
  for (const char* list : {"inactive_file", "active_file"}) {
    const uint64_t listed = read_number(stat, prefix + list);
    if (listed < kNoNumber) bytes += listed;
  }
  return bytes;
}

// Returns the bytes that one group's limit leaves. Cached files count as free.
uint64_t left(uint64_t limit, uint64_t used, uint64_t of_files) {
  if (limit >= kNoNumber || used >= kNoNumber) return kNoNumber;
  used -= std::min(used, of_files);
  return limit > used ? limit - used : 0;
}

// Returns the number that a text begins with, or 0 if there is none. Its decimal mark is a point,
// whatever the host's locale is.
double number(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Returns quota / period, or 1e9 for the quota "max" or any other text that is no number.
double cpus(const std::string& quota, const std::string& period) {
  const double time = number(quota), per = number(period);
  return time > 0 && per > 0 ? time / per : 1e9;
}

}  // namespace

uint64_t cgroup_memory_left(const std::string& root) {
  uint64_t least = kNoNumber;
  for (const std::string& folder : folders(root, "memory")) {
    const std::string at = folder + "/memory.";
    least = std::min(
        {least,
         left(read_number(at + "max"), read_number(at + "current"), file_bytes(at + "stat", "")),
         left(read_number(at + "limit_in_bytes"), read_number(at + "usage_in_bytes"),
              file_bytes(at + "stat", "total_"))});
  }
  return least;
}

double cgroup_cpus(const std::string& root) {
  double least = 1e9;
  for (const std::string& folder : folders(root, "cpu")) {
    std::string quota, period;
    if (std::ifstream(folder + "/cpu.max") >> quota >> period) {
      least = std::min(least, cpus(quota, period));
    }
    if (std::ifstream(folder + "/cpu.cfs_quota_us") >> quota &&
        std::ifstream(folder + "/cpu.cfs_period_us") >> period) {
      least = std::min(least, cpus(quota, period));
    }
  }
  return least;
}

}  // namespace gptj
