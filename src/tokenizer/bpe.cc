// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.h"

#include <algorithm>
#include <array>
#include <queue>
#include <tuple>

namespace gptj {
namespace {

constexpr TokenId kGone = -1;

// The symbols of a word as a linked list, with a queue of the pairs that may merge.
class LongWord {
 public:
  LongWord(const MergeTable& merges, std::span<TokenId> symbols)
      : merges_(merges), symbols_(symbols), previous_(symbols.size()), next_(symbols.size()) {
    for (size_t i = 0; i < symbols.size(); ++i) {
      previous_[i] = i - 1;
      next_[i] = i + 1;
    }
    for (size_t i = 0; i + 1 < symbols.size(); ++i) consider(i);
  }

  void merge_all() {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      if (still_there(best)) merge(best);
    }
  }

 private:
  struct Candidate {
    uint32_t rank, result;
    size_t position;
    TokenId left, right;
    bool operator<(const Candidate& other) const {  // the queue's top is its greatest
      return std::tie(rank, position) > std::tie(other.rank, other.position);
    }
  };

  void consider(size_t position) {
    const TokenId left = symbols_[position], right = symbols_[next_[position]];
    const Merge merge = merges_.find(left, right);
    if (merge.rank != Merge::kNever) {
      queue_.push({merge.rank, merge.result, position, left, right});
    }
  }

  // Returns false if a symbol of the pair has merged with another one since it was queued.
  bool still_there(const Candidate& pair) const {
    const size_t next = next_[pair.position];
    return symbols_[pair.position] == pair.left && next < symbols_.size() &&
           symbols_[next] == pair.right;
  }

  void merge(const Candidate& pair) {
    const size_t position = pair.position, absorbed = next_[position], next = next_[absorbed];
    symbols_[position] = pair.result;
    symbols_[absorbed] = kGone;
    next_[position] = next;
    if (next < symbols_.size()) {
      previous_[next] = position;
      consider(position);
    }
    if (position > 0) consider(previous_[position]);
  }

  const MergeTable& merges_;
  std::span<TokenId> symbols_;
  std::vector<size_t> previous_, next_;  // the first has no previous; next of the last is size()
  std::priority_queue<Candidate> queue_;
};

}  // namespace

size_t merge_short_word(const MergeTable& merges, std::span<TokenId> symbols) {
  std::array<Merge, kShortWord> pairs;  // pairs[i]: merge of symbols i and i + 1
  size_t size = symbols.size();
  for (size_t i = 0; i + 1 < size; ++i) pairs[i] = merges.find(symbols[i], symbols[i + 1]);
  while (size > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < size; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == Merge::kNever) break;
    symbols[best] = pairs[best].result;
    --size;
    for (size_t i = best + 1; i < size; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i] = pairs[i + 1];
    }
    if (best > 0) pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    if (best + 1 < size) pairs[best] = merges.find(symbols[best], symbols[best + 1]);
  }
  return size;
}

size_t merge_long_word(const MergeTable& merges, std::span<TokenId> symbols) {
  LongWord(merges, symbols).merge_all();
  return static_cast<size_t>(std::remove(symbols.begin(), symbols.end(), kGone) - symbols.begin());
}

size_t merge_word(const MergeTable& merges, std::span<TokenId> symbols) {
  return symbols.size() <= kShortWord ? merge_short_word(merges, symbols)
                                      : merge_long_word(merges, symbols);
}

}  // namespace gptj
