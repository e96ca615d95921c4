// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

struct Merge {
  static constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();
  uint32_t rank = kNever;  // lower ranks merge first
  uint32_t result = 0;
};

// Maps (left id, right id) to Merge. The table is a hash table with linear probing, at most half
// full, because encoding spends most of its time in looking pairs up.
class MergeTable {
 public:
  explicit MergeTable(size_t capacity) : slots_(std::bit_ceil(2 * capacity + 2)) {}

  // Adds a pair. A pair that is given twice has the last merge, as in Hugging Face. REQUIRES: at
  // most `capacity` pairs.
  void insert(TokenId left, TokenId right, Merge merge) {
    const uint64_t key = key_of(left, right);
    slots_[slot_of(key)] = {key, merge};
  }

  // Returns the merge of the pair; its rank is kNever if the two do not merge.
  Merge find(TokenId left, TokenId right) const {
    return slots_[slot_of(key_of(left, right))].merge;
  }

 private:
  static constexpr uint64_t kEmpty = std::numeric_limits<uint64_t>::max();
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge = {};
  };

  static uint64_t key_of(TokenId left, TokenId right) {
    return (static_cast<uint64_t>(left) << 32) | static_cast<uint64_t>(right);
  }

  // Returns the slot of the key, or the empty slot where the key would be.
  size_t slot_of(uint64_t key) const {
    const uint64_t hash = (key ^ (key >> 29)) * 0x9E3779B97F4A7C15u;
    size_t slot = (hash >> 32) & (slots_.size() - 1);
    while (slots_[slot].key != key && slots_[slot].key != kEmpty) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }

  std::vector<Slot> slots_;
};

}  // namespace gptj
