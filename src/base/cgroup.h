// SPDX-License-Identifier: Apache-2.0
// The limits of this process's control group and of every group above it, of version 2 and of
// version 1 (https://docs.kernel.org/admin-guide/cgroup-v2.html, cgroup-v1/memory.html). `root` is
// the folder in which /proc and /sys are looked for; tests have their own.
#pragma once

#include <cstdint>
#include <string>

namespace gptj {

// Returns the bytes that the tightest memory limit leaves, or 2^62 if there is no limit. File pages
// that the kernel can drop at will count as free.
uint64_t cgroup_memory_left(const std::string& root = "");

// Returns the number of CPUs whose time the smallest quota grants, or 1e9 if there is no quota.
double cgroup_cpus(const std::string& root = "");

}  // namespace gptj
