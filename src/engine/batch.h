// SPDX-License-Identifier: Apache-2.0
// The one batch type: a list of rows. Prefill is many rows of one sequence, decoding one row of
// each, and continuous batching any mixture.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kv_cache.h"
#include "gptj/session.h"

namespace gptj {

// Rows first .. first + size - 1 of a batch: consecutive positions of one sequence.
struct Run {
  size_t first;
  size_t size;
};

// Proves the rows against the config and the cache (known sequences, tokens inside the vocabulary,
// each sequence's positions going on from its length, none at or past n_positions) and returns the
// runs. Throws kInvalidArgument or kContextLength; then nothing has changed.
std::vector<Run> find_runs(std::span<const Row> rows, const ModelConfig& config,
                           const KvCache& cache);

}  // namespace gptj
