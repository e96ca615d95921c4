// SPDX-License-Identifier: Apache-2.0
// The one batch type: a list of rows. Prefill is many rows of one sequence, decode is one row of
// each sequence, and continuous batching is any mixture of both.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kv_cache.h"
#include "gptj/session.h"

namespace gptj {

// Rows first .. first + size - 1 of a batch: consecutive positions of one sequence.
struct RowSpan {
  size_t first;
  size_t size;
};

// Checks the rows against the config and the cache, and returns their spans. Every sequence must be
// known, every token must be inside the vocabulary, each sequence's positions must go on from its
// length, and no position may be at or past n_positions. A bidirectional prompt must be whole.
// Throws kContextLength for a position past the context, kInvalidArgument for any other row that
// does not fit. Changes nothing.
std::vector<RowSpan> find_row_spans(std::span<const Row> rows, const ModelConfig& config,
                                    const KvCache& cache);

}  // namespace gptj
