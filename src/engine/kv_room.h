// SPDX-License-Identifier: Apache-2.0
// How much memory keys and values may take.
#pragma once

#include <cstdint>
#include <string>

#include "engine/kv_cache.h"
#include "gptj/model.h"

namespace gptj {

// Returns the bytes of keys and values that may be held at once, where a cache holds `held` of them
// already: those and what the machine and its cgroup have left, cut to what LoadOptions::max_ram
// leaves beside the weights.
uint64_t kv_room(const Model& model, uint64_t held);

// Throws kOutOfMemory with `param` unless so many pages fit `room` bytes. The message begins with
// `subject`, gives both figures, and ends with `advice`.
void check_kv_room(const KvCache& cache, size_t pages, uint64_t room, const std::string& subject,
                   const std::string& advice, const std::string& param = {});

}  // namespace gptj
