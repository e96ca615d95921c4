// SPDX-License-Identifier: Apache-2.0
// What control groups allow: the one that this process is in and every one above it, of version 2
// and of version 1 (https://docs.kernel.org/admin-guide/cgroup-v2.html, cgroup-v1/memory.html).
// `root` is where /proc and /sys are looked for; tests have their own.
#pragma once

#include <cstdint>
#include <string>

namespace gptj {

// Bytes that the tightest limit leaves, file pages that can be dropped at will counting as free;
// 2^62 where there is none.
uint64_t cgroup_memory_left(const std::string& root = "");

// CPUs' worth of time that the smallest quota grants; 1e9 where there is none.
double cgroup_cpus(const std::string& root = "");

}  // namespace gptj
