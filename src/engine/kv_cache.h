// SPDX-License-Identifier: Apache-2.0
// Keys and values of the sequences of one session, in pages of 64 absolute positions. A page holds
// all layers and heads. Sequences with a common prefix share whole pages. A page that no sequence
// needs any more is kept for the next sequence, because new memory is slow: the system must clear
// the memory, and a virtual machine may first have to ask its host for the memory, at a small part
// of the speed of memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "gptj/checkpoint.h"
#include "gptj/session.h"
#include "kernels/kernels.h"

namespace gptj {

class KvCache {
 public:
  // `overflows`, if not null, counts the values that f16 could not hold and that were kept as
  // +-65504. The counter must outlive the cache.
  KvCache(const ModelConfig& config, Element element, std::atomic<uint64_t>* overflows = nullptr);

  // Every function but begins_page() throws kInvalidArgument if it is given an unknown sequence.

  // Adds an empty sequence and returns its id. Ids are never used again.
  SequenceId add();
  // Adds a sequence that begins with the first `length` positions of `source`, and returns its id.
  // Throws kInvalidArgument if `source` has fewer positions.
  SequenceId fork(SequenceId source, int64_t length);
  // Forgets the positions from `length` on. Throws kInvalidArgument if there are fewer positions.
  void truncate(SequenceId sequence, int64_t length);
  void remove(SequenceId sequence);
  size_t sequences() const { return sequences_.size(); }
  int64_t length(SequenceId sequence) const { return find(sequence).length; }

  // Makes room for `n` more positions, which the caller then fills. Takes pages by need, and first
  // copies the last page if that page is part-filled and shared with another sequence. Throws
  // std::bad_alloc if memory runs out; the sequence then keeps its length and contents.
  void extend(SequenceId sequence, int64_t n);
  // Returns true if extend() takes a page for this position. REQUIRES: `position` is not less than
  // the sequence's length.
  bool begins_page(SequenceId sequence, int64_t position) const;
  // Pages in memory, and how many of these are spare: kept for the next sequence.
  size_t held_pages() const { return held_pages_; }
  size_t spare_pages() const { return spare_.size(); }
  uint64_t held_bytes() const { return held_pages_ * page_bytes_; }

  // Addresses of a sequence's pages, in order; valid until the sequence is changed.
  std::byte* const* pages(SequenceId sequence) const { return find(sequence).addresses.data(); }
  size_t page_count(SequenceId sequence) const { return find(sequence).addresses.size(); }
  // Returns where in each page the part of one layer's head begins, in bytes. kernels.h has the
  // layout of the part.
  size_t page_offset(size_t layer, size_t head) const {
    return (layer * n_head_ + head) * head_bytes_;
  }

  // Writes the key and the value of one position (head_dim floats each) into a head's part of the
  // position's page, rounded to the cache's type. `part` is the page's address + page_offset().
  // Different positions and heads may be written from different threads; each thread needs its own
  // scratch of padded_inputs(head_dim) floats.
  void store(const KernelTable& kernels, int64_t position, const float* key, const float* value,
             std::byte* part, float* scratch);

  // Copies one page of a sequence to `out` (page_bytes()), as a session file holds the page: with
  // zeros for positions past the sequence's length and for padding.
  void copy_page(SequenceId sequence, size_t page, std::byte* out) const;
  // Adds a sequence of `length` positions from pages that copy_page() made, one after the other,
  // and returns its id. If memory runs out, no sequence is added.
  SequenceId restore(int64_t length, std::span<const std::byte> pages);

  Element element() const { return element_; }
  uint64_t page_bytes() const { return page_bytes_; }

 private:
  using Page = AlignedBuffer<std::byte>;
  struct Sequence {
    int64_t length = 0;
    std::vector<std::shared_ptr<Page>> pages;
    std::vector<std::byte*> addresses;  // addresses[i] == pages[i]->data(), as kernels take them
  };
  const Sequence& find(SequenceId sequence) const;
  Sequence& find(SequenceId sequence);
  bool shares_last_page(const Sequence& sequence) const;
  void shorten(Sequence& sequence, size_t pages) noexcept;
  std::shared_ptr<Page> take_page();
  // Converts head_dim floats to the cache's type. For int8, the row's scale becomes scale number
  // `scale` of the part.
  void narrow(const KernelTable& kernels, const float* x, std::byte* part, size_t scale,
              std::byte* out);

  Element element_;
  size_t n_head_, head_dim_;
  uint64_t head_bytes_, page_bytes_;
  std::atomic<uint64_t>* overflows_;
  SequenceId next_ = 0;
  std::map<SequenceId, Sequence> sequences_;
  std::vector<std::shared_ptr<Page>> spare_;
  size_t held_pages_ = 0;
};

// Returns the number of pages that hold `positions` positions, the last page perhaps in part.
constexpr size_t pages_of(int64_t positions) {
  return round_up(static_cast<size_t>(positions), kPagePositions) / kPagePositions;
}
// Returns the bytes of one page.
uint64_t kv_page_bytes(const ModelConfig& config, Element element);

}  // namespace gptj
