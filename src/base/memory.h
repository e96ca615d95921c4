// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace gptj {

// Returns the bytes that this process may still take: the smaller of the system's MemAvailable and
// the bytes that the limits of its cgroups leave. Returns 2^62 if neither can be read.
uint64_t available_memory();

// Returns the size as text: "12.10 GB".
std::string gigabytes(uint64_t bytes);
// Returns a size that may be small as text: "12.10 GB", "3.50 MB", "912 bytes".
std::string size_text(uint64_t bytes);

}  // namespace gptj
