// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace gptj {
namespace {

// Writes a key as a column of its page: dimension d at [d][slot].
template <class T>
void store_column(const std::byte* from, size_t head_dim, size_t slot, std::byte* keys) {
  const T* key = reinterpret_cast<const T*>(from);
  T* column = reinterpret_cast<T*>(keys) + slot;
  for (size_t d = 0; d < head_dim; ++d) column[d * kPagePositions] = key[d];
}

}  // namespace

uint64_t kv_page_bytes(const ModelConfig& config, Element element) {
  return kv_head_bytes(element, static_cast<size_t>(config.head_dim())) *
         static_cast<uint64_t>(config.n_layer * config.n_head);
}

KvCache::KvCache(const ModelConfig& config, Element element, std::atomic<uint64_t>* overflows)
    : element_(element),
      n_head_(static_cast<size_t>(config.n_head)),
      head_dim_(static_cast<size_t>(config.head_dim())),
      head_bytes_(kv_head_bytes(element, head_dim_)),
      page_bytes_(kv_page_bytes(config, element)),
      overflows_(overflows) {}

const KvCache::Sequence& KvCache::find(SequenceId sequence) const {
  const auto found = sequences_.find(sequence);
  check(found != sequences_.end(), ErrorCode::kInvalidArgument, "sequence ", sequence,
        " is not in this session");
  return found->second;
}

KvCache::Sequence& KvCache::find(SequenceId sequence) {
  return const_cast<Sequence&>(std::as_const(*this).find(sequence));
}

SequenceId KvCache::add() {
  sequences_.try_emplace(next_);
  return next_++;
}

SequenceId KvCache::fork(SequenceId source, int64_t length) {
  const Sequence& from = find(source);
  check(0 <= length && length <= from.length, ErrorCode::kInvalidArgument, "fork: expected 0 to ",
        from.length, " positions, found ", length);
  Sequence copy = from;
  copy.length = length;
  shorten(copy, pages_of(length));
  sequences_.emplace(next_, std::move(copy));
  return next_++;
}

void KvCache::truncate(SequenceId sequence, int64_t length) {
  Sequence& s = find(sequence);
  check(0 <= length && length <= s.length, ErrorCode::kInvalidArgument, "truncate: expected 0 to ",
        s.length, " positions, found ", length);
  s.length = length;
  shorten(s, pages_of(length));
}

void KvCache::remove(SequenceId sequence) {
  shorten(find(sequence), 0);
  sequences_.erase(sequence);
}

// Cuts a sequence to its first `pages` pages; pages that no other sequence shares become spare.
// noexcept, because extend() calls this to clean up after memory ran out.
void KvCache::shorten(Sequence& sequence, size_t pages) noexcept {
  for (size_t i = pages; i < sequence.pages.size(); ++i) {
    if (sequence.pages[i].use_count() > 1) continue;
    try {
      spare_.push_back(std::move(sequence.pages[i]));
    } catch (const std::bad_alloc&) {
      --held_pages_;  // resize() below frees the page instead.
    }
  }
  sequence.pages.resize(std::min(pages, sequence.pages.size()));
  sequence.addresses.resize(std::min(pages, sequence.addresses.size()));
}

// Returns true if the next position would be written into a page that another sequence reads.
bool KvCache::shares_last_page(const Sequence& s) const {
  const bool part_page = s.length % static_cast<int64_t>(kPagePositions) != 0;
  return part_page && s.pages.back().use_count() > 1;
}

bool KvCache::begins_page(SequenceId sequence, int64_t position) const {
  if (position % static_cast<int64_t>(kPagePositions) == 0) return true;
  const Sequence& s = find(sequence);
  return position == s.length && shares_last_page(s);
}

std::shared_ptr<KvCache::Page> KvCache::take_page() {
  if (spare_.empty()) {
    auto fresh = std::make_shared<Page>(page_bytes_);
    ++held_pages_;
    return fresh;
  }
  auto page = std::move(spare_.back());
  spare_.pop_back();
  return page;
}

void KvCache::extend(SequenceId sequence, int64_t n) {
  Sequence& s = find(sequence);
  if (n > 0 && shares_last_page(s)) {
    const auto page = take_page();
    std::memcpy(page->data(), s.addresses.back(), page_bytes_);
    s.addresses.back() = page->data();
    s.pages.back() = page;
  }
  try {
    // Room first: a page that is taken and then has no place would count as held for ever.
    s.pages.reserve(pages_of(s.length + n));
    s.addresses.reserve(pages_of(s.length + n));
    while (s.pages.size() < pages_of(s.length + n)) {
      s.pages.push_back(take_page());
      s.addresses.push_back(s.pages.back()->data());
    }
  } catch (...) {
    shorten(s, pages_of(s.length));
    throw;
  }
  s.length += n;
}

void KvCache::copy_page(SequenceId sequence, size_t page, std::byte* out) const {
  const Sequence& s = find(sequence);
  std::memcpy(out, s.addresses[page], page_bytes_);
  const size_t begin = page * kPagePositions, length = static_cast<size_t>(s.length);
  const size_t used = length - begin < kPagePositions ? length - begin : kPagePositions;
  const size_t unused = kPagePositions - used, size = element_size(element_);
  const size_t row = padded(head_dim_) * size, key_row = kPagePositions * size;
  for (std::byte* part = out; part != out + page_bytes_; part += head_bytes_) {
    for (size_t d = 0; d < head_dim_; ++d) {
      std::memset(part + d * key_row + used * size, 0, unused * size);
    }
    std::byte* values = part + kv_values_offset(element_, head_dim_);
    for (size_t slot = 0; slot < used; ++slot) {
      std::memset(values + slot * row + head_dim_ * size, 0, row - head_dim_ * size);
    }
    std::memset(values + used * row, 0, unused * row);
    if (element_ != Element::kInt8) continue;
    auto* scales = reinterpret_cast<float*>(part + kv_scales_offset(element_, head_dim_));
    for (float* of : {scales, scales + kPagePositions}) std::fill_n(of + used, unused, 0.0f);
  }
}

SequenceId KvCache::restore(int64_t length, std::span<const std::byte> pages) {
  const SequenceId sequence = add();
  try {
    extend(sequence, length);
  } catch (...) {
    remove(sequence);
    throw;
  }
  const Sequence& s = find(sequence);
  for (size_t i = 0; i < s.addresses.size(); ++i) {
    std::memcpy(s.addresses[i], pages.data() + i * page_bytes_, page_bytes_);
  }
  return sequence;
}

void KvCache::narrow(const KernelTable& kernels, const float* x, std::byte* part, size_t scale,
                     std::byte* out) {
  switch (element_) {
    case Element::kF16: {
      const size_t clamped = kernels.to_f16(x, head_dim_, reinterpret_cast<uint16_t*>(out));
      if (clamped > 0 && overflows_ != nullptr) *overflows_ += clamped;
      break;
    }
    case Element::kBF16: kernels.to_bf16(x, head_dim_, reinterpret_cast<uint16_t*>(out)); break;
    case Element::kInt8: {
      auto* scales = reinterpret_cast<float*>(part + kv_scales_offset(element_, head_dim_));
      int32_t sum;
      kernels.quantize_row(x, head_dim_, padded_inputs(head_dim_), reinterpret_cast<int8_t*>(out),
                           scales + scale, &sum);
      break;
    }
    default: std::memcpy(out, x, head_dim_ * sizeof(float)); break;
  }
}

void KvCache::store(const KernelTable& kernels, int64_t position, const float* key,
                    const float* value, std::byte* part, float* scratch) {
  const size_t slot = static_cast<size_t>(position) % kPagePositions;
  const size_t size = element_size(element_);
  std::byte* values = part + kv_values_offset(element_, head_dim_);
  auto* narrowed = reinterpret_cast<std::byte*>(scratch);
  narrow(kernels, value, part, kPagePositions + slot, narrowed);
  std::memcpy(values + slot * padded(head_dim_) * size, narrowed, head_dim_ * size);
  narrow(kernels, key, part, slot, narrowed);
  switch (size) {
    case 1: store_column<uint8_t>(narrowed, head_dim_, slot, part); break;
    case 2: store_column<uint16_t>(narrowed, head_dim_, slot, part); break;
    default: store_column<uint32_t>(narrowed, head_dim_, slot, part); break;
  }
}

}  // namespace gptj
