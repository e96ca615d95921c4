// SPDX-License-Identifier: Apache-2.0
#include "base/fingerprint.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace gptj {

void Fingerprint::add(std::span<const std::byte> bytes) {
  state_ = XXH3_64bits_withSeed(bytes.data(), bytes.size(), state_);
}

std::string hexadecimal(uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace gptj
