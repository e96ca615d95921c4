// SPDX-License-Identifier: Apache-2.0
// The limit on the memory of keys and values.
#pragma once

#include <cstdint>
#include <string>

#include "engine/kv_cache.h"
#include "gptj/model.h"

namespace gptj {

// Returns the bytes of keys and values that may be held at once, if a cache holds `held` bytes of
// them already. The result is `held` plus the memory that the machine and its cgroup have left, but
// no more than LoadOptions::max_ram (if set) leaves beside the weights.
uint64_t kv_room(const Model& model, uint64_t held);

// Throws kOutOfMemory with `param` unless `pages` pages fit `room` bytes. The message begins with
// `subject`, gives both figures, and ends with `advice`.
void check_kv_room(const KvCache& cache, size_t pages, uint64_t room, const std::string& subject,
                   const std::string& advice, const std::string& param = {});

}  // namespace gptj
