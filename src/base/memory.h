// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace gptj {

// Bytes that this process may still take: the system's MemAvailable, cut to what its cgroup's limit
// leaves. 2^63 where neither can be read.
uint64_t available_memory();

// "12.10 GB"
std::string gigabytes(uint64_t bytes);

}  // namespace gptj
