// SPDX-License-Identifier: Apache-2.0
#include "engine/batch.h"

#include <map>

#include "base/check.h"

namespace gptj {
namespace {

// Throws kInvalidArgument if row r belongs to a bidirectional prompt whose rows are not all there,
// one after the other.
void check_prefix(std::span<const Row> rows, size_t r) {
  const Row& row = rows[r];
  if (row.prefix == 0) return;
  const auto is_of_it = [&](const Row& other) {
    return other.sequence == row.sequence && other.prefix == row.prefix;
  };
  const bool begins = row.position == 0 || (r > 0 && is_of_it(rows[r - 1]));
  const bool ends =
      row.position + 1 == row.prefix || (r + 1 < rows.size() && is_of_it(rows[r + 1]));
  check(row.position < row.prefix && begins && ends, ErrorCode::kInvalidArgument, "row ", r,
        ": expected the positions 0 to ", row.prefix - 1,
        " of a bidirectional prompt in one call, ", "found position ", row.position,
        begins ? "" : " without those before it", ends ? "" : " without those after it");
}

}  // namespace

std::vector<RowSpan> find_row_spans(std::span<const Row> rows, const ModelConfig& config,
                                    const KvCache& cache) {
  std::vector<RowSpan> spans;
  std::map<SequenceId, int64_t> next;  // the position that each sequence's next row must have
  for (size_t r = 0; r < rows.size(); ++r) {
    const Row& row = rows[r];
    check(0 <= row.token && row.token < config.vocab_size, ErrorCode::kInvalidArgument, "row ", r,
          ": expected a token from 0 to ", config.vocab_size - 1, ", found ", row.token);
    const auto [expected, first_seen] = next.try_emplace(row.sequence, 0);
    if (first_seen) expected->second = cache.length(row.sequence);
    check(row.position == expected->second, ErrorCode::kInvalidArgument, "row ", r,
          ": expected position ", expected->second, " of sequence ", row.sequence, ", found ",
          row.position);
    check(row.position < config.n_positions, ErrorCode::kContextLength, "row ", r, ": position ",
          row.position, " is past the context of ", config.n_positions, " tokens");
    check_prefix(rows, r);
    ++expected->second;
    const bool goes_on =
        r > 0 && rows[r - 1].sequence == row.sequence && rows[r - 1].prefix == row.prefix;
    if (goes_on) {
      ++spans.back().size;
    } else {
      spans.push_back({r, 1});
    }
  }
  return spans;
}

}  // namespace gptj
