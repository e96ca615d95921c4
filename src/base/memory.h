// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace gptj {

// Bytes that this process may still take: the system's MemAvailable, cut to what the limits of its
// cgroups leave. 2^62 where neither can be read.
uint64_t available_memory();

// "12.10 GB"
std::string gigabytes(uint64_t bytes);
// The same for sizes that may be small: "12.10 GB", "3.50 MB", "912 bytes".
std::string size_text(uint64_t bytes);

}  // namespace gptj
