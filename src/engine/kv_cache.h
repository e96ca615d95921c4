// SPDX-License-Identifier: Apache-2.0
// Keys and values of the sequences of one session, in pages of 64 absolute positions. A page holds
// all layers and heads; sequences with a common prefix share whole pages. Pages that no sequence
// needs any more wait for the next one: new memory must be cleared by the system, and a virtual
// machine may first have to ask its host for it, at a small part of the speed of memory.
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
  // `clamped`, where it is given, counts the values that f16 could not hold, kept as +-65504.
  KvCache(const ModelConfig& config, Element element, std::atomic<uint64_t>* clamped = nullptr);

  // A new, empty sequence; ids are never used again.
  SequenceId add();
  // A new sequence that begins with the first `length` positions of another.
  SequenceId fork(SequenceId source, int64_t length);
  // Forgets the positions from `length` on.
  void truncate(SequenceId sequence, int64_t length);
  void remove(SequenceId sequence);
  size_t sequences() const { return sequences_.size(); }
  int64_t length(SequenceId sequence) const { return find(sequence).length; }

  // Makes room for `n` more positions, which the caller then fills: takes pages by need, and a page
  // of its own where the last one is shared. Where memory runs out, the sequence stays as it was.
  void extend(SequenceId sequence, int64_t n);
  // Whether the position, which follows the sequence's or is one of those that extend() adds,
  // begins a page of the sequence's own.
  bool begins_page(SequenceId sequence, int64_t position) const;
  // Pages in memory, and those of them that wait for the next sequence.
  size_t held_pages() const { return held_pages_; }
  size_t spare_pages() const { return spare_.size(); }
  uint64_t held_bytes() const { return held_pages_ * page_bytes_; }

  // Where the pages of a sequence begin, until it is changed; and where in each of them a layer's
  // head has its part, as kernels.h lays it out.
  std::byte* const* pages(SequenceId sequence) const { return find(sequence).addresses.data(); }
  size_t page_count(SequenceId sequence) const { return find(sequence).addresses.size(); }
  size_t page_offset(size_t layer, size_t head) const {
    return (layer * n_head_ + head) * head_bytes_;
  }

  // Writes key and value (head_dim floats each) of one position into a head's part of its page,
  // rounded to the cache's type. Different positions and heads may be written from different
  // threads, each with a scratch of padded_inputs(head_dim) floats.
  void store(const KernelTable& kernels, int64_t position, const float* key, const float* value,
             std::byte* part, float* scratch);

  // One page of a sequence, with zeros for what lies past its length: what a file holds.
  void copy_page(SequenceId sequence, size_t page, std::byte* out) const;
  // A new sequence of so many positions from such pages, one after the other.
  SequenceId restore(int64_t length, std::span<const std::byte> pages);

  Element element() const { return element_; }
  uint64_t page_bytes() const { return page_bytes_; }

 private:
  using Page = AlignedBuffer<std::byte>;
  struct Sequence {
    int64_t length = 0;
    std::vector<std::shared_ptr<Page>> pages;
    std::vector<std::byte*> addresses;  // of the same
  };
  const Sequence& find(SequenceId sequence) const;
  Sequence& find(SequenceId sequence);
  bool shares_last_page(const Sequence& sequence) const;
  void shorten(Sequence& sequence, size_t pages) noexcept;
  std::shared_ptr<Page> take_page();
  // head_dim floats to the cache's type; the scale of an int8 row becomes number `scale` of the
  // part.
  void narrow(const KernelTable& kernels, const float* x, std::byte* part, size_t scale,
              std::byte* out);

  Element element_;
  size_t n_head_, head_dim_;
  uint64_t head_bytes_, page_bytes_;
  std::atomic<uint64_t>* clamped_;
  SequenceId next_ = 0;
  std::map<SequenceId, Sequence> sequences_;
  std::vector<std::shared_ptr<Page>> spare_;
  size_t held_pages_ = 0;
};

// Bytes of one page.
uint64_t kv_page_bytes(const ModelConfig& config, Element element);

}  // namespace gptj
