// SPDX-License-Identifier: Apache-2.0
// Keys and values of the sequences of one session, in pages of 64 absolute positions. A page holds
// all layers and heads; sequences with a common prefix share whole pages.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "gptj/checkpoint.h"
#include "gptj/session.h"
#include "kernels/kernels.h"

namespace gptj {

struct PagePointers {
  std::vector<const void*> keys, values;
};

class KvCache {
 public:
  KvCache(const ModelConfig& config, Element element);

  // A new, empty sequence; ids are never used again.
  SequenceId add();
  // A new sequence that begins with the first `length` positions of another.
  SequenceId fork(SequenceId source, int64_t length);
  // Forgets the positions from `length` on.
  void truncate(SequenceId sequence, int64_t length);
  void remove(SequenceId sequence);
  int64_t length(SequenceId sequence) const { return find(sequence).length; }

  // Makes room for `n` more positions, which the caller then fills: takes pages by need, and a page
  // of its own where the last one is shared.
  void extend(SequenceId sequence, int64_t n);

  // Writes key and value (head_dim floats each) of one position, layer and head, rounded to the
  // cache's type. Different heads may be written from different threads.
  void store(const KernelTable& kernels, SequenceId sequence, int64_t position, size_t layer,
             size_t head, const float* key, const float* value);

  // One layer and head of the pages that hold the first `length` positions: keys as [head_dim][64],
  // values as [64][padded(head_dim)].
  PagePointers pages(SequenceId sequence, size_t length, size_t layer, size_t head) const;

  // Values so far that f16 could not hold, and that are kept as +-65504.
  uint64_t clamped() const { return clamped_; }

  Element element() const { return element_; }
  uint64_t page_bytes() const { return page_bytes_; }

 private:
  using Page = AlignedBuffer<std::byte>;
  struct Sequence {
    int64_t length = 0;
    std::vector<std::shared_ptr<Page>> pages;
  };
  const Sequence& find(SequenceId sequence) const;
  Sequence& find(SequenceId sequence);
  std::shared_ptr<Page> new_page(const Page* copy_of) const;
  void narrow(const KernelTable& kernels, const float* x, size_t n, std::byte* out);

  Element element_;
  size_t n_head_, head_dim_;
  uint64_t keys_bytes_, head_bytes_, page_bytes_;
  std::atomic<uint64_t> clamped_{0};
  SequenceId next_ = 0;
  std::map<SequenceId, Sequence> sequences_;
};

// Bytes of one page.
uint64_t kv_page_bytes(const ModelConfig& config, Element element);

}  // namespace gptj
