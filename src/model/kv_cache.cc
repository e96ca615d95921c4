// SPDX-License-Identifier: Apache-2.0
#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace gptj {
namespace {

size_t pages_for(int64_t length) {
  return (static_cast<size_t>(length) + kPagePositions - 1) / kPagePositions;
}

uint64_t keys_bytes(const ModelConfig& config, Element element) {
  return static_cast<uint64_t>(config.head_dim()) * kPagePositions * element_size(element);
}

uint64_t head_bytes(const ModelConfig& config, Element element) {
  return keys_bytes(config, element) +
         padded(static_cast<size_t>(config.head_dim())) * kPagePositions * element_size(element);
}

}  // namespace

uint64_t kv_page_bytes(const ModelConfig& config, Element element) {
  return head_bytes(config, element) * static_cast<uint64_t>(config.n_layer * config.n_head);
}

KvCache::KvCache(const ModelConfig& config, Element element)
    : element_(element),
      n_head_(static_cast<size_t>(config.n_head)),
      head_dim_(static_cast<size_t>(config.head_dim())),
      keys_bytes_(gptj::keys_bytes(config, element)),
      head_bytes_(gptj::head_bytes(config, element)),
      page_bytes_(kv_page_bytes(config, element)) {}

const KvCache::Sequence& KvCache::find(SequenceId sequence) const {
  const auto found = sequences_.find(sequence);
  check(found != sequences_.end(), ErrorCode::kInvalidArgument, "sequence ", sequence,
        " is not in this session");
  return found->second;
}

KvCache::Sequence& KvCache::find(SequenceId sequence) {
  return const_cast<Sequence&>(std::as_const(*this).find(sequence));
}

std::shared_ptr<KvCache::Page> KvCache::new_page(const Page* copy_of) const {
  auto page = std::make_shared<Page>(page_bytes_);
  if (copy_of != nullptr) {
    std::memcpy(page->data(), copy_of->data(), page_bytes_);
  } else {
    std::memset(page->data(), 0, page_bytes_);
  }
  return page;
}

SequenceId KvCache::add() {
  sequences_.try_emplace(next_);
  return next_++;
}

SequenceId KvCache::fork(SequenceId source, int64_t length) {
  const Sequence& from = find(source);
  check(0 <= length && length <= from.length, ErrorCode::kInvalidArgument, "fork: expected 0 to ",
        from.length, " positions, found ", length);
  Sequence copy{
      length,
      {from.pages.begin(), from.pages.begin() + static_cast<std::ptrdiff_t>(pages_for(length))}};
  sequences_.emplace(next_, std::move(copy));
  return next_++;
}

void KvCache::truncate(SequenceId sequence, int64_t length) {
  Sequence& s = find(sequence);
  check(0 <= length && length <= s.length, ErrorCode::kInvalidArgument, "truncate: expected 0 to ",
        s.length, " positions, found ", length);
  s.length = length;
  s.pages.resize(pages_for(length));
}

void KvCache::remove(SequenceId sequence) {
  find(sequence);
  sequences_.erase(sequence);
}

void KvCache::extend(SequenceId sequence, int64_t n) {
  Sequence& s = find(sequence);
  const bool part_page = s.length % static_cast<int64_t>(kPagePositions) != 0;
  if (n > 0 && part_page && s.pages.back().use_count() > 1) {
    s.pages.back() = new_page(s.pages.back().get());
  }
  while (s.pages.size() < pages_for(s.length + n)) s.pages.push_back(new_page(nullptr));
  s.length += n;
}

void KvCache::narrow(const KernelTable& kernels, const float* x, size_t n, std::byte* out) {
  switch (element_) {
    case Element::kF16: {
      const size_t clamped = kernels.to_f16(x, n, reinterpret_cast<uint16_t*>(out));
      if (clamped > 0) clamped_ += clamped;
      break;
    }
    case Element::kBF16: kernels.to_bf16(x, n, reinterpret_cast<uint16_t*>(out)); break;
    default: std::memcpy(out, x, n * sizeof(float)); break;
  }
}

void KvCache::store(const KernelTable& kernels, SequenceId sequence, int64_t position, size_t layer,
                    size_t head, const float* key, const float* value) {
  const size_t page = static_cast<size_t>(position) / kPagePositions;
  const size_t slot = static_cast<size_t>(position) % kPagePositions;
  const size_t size = element_size(element_);
  std::byte* keys = find(sequence).pages[page]->data() + (layer * n_head_ + head) * head_bytes_;
  std::byte* values = keys + keys_bytes_;
  narrow(kernels, value, head_dim_, values + slot * padded(head_dim_) * size);
  // The key becomes a column of its page: dimension d at [d][slot].
  constexpr size_t kPiece = 64;
  alignas(64) std::byte piece[kPiece * sizeof(float)];
  for (size_t begin = 0; begin < head_dim_; begin += kPiece) {
    const size_t n = std::min(kPiece, head_dim_ - begin);
    narrow(kernels, key + begin, n, piece);
    for (size_t d = 0; d < n; ++d) {
      std::memcpy(keys + ((begin + d) * kPagePositions + slot) * size, piece + d * size, size);
    }
  }
}

PagePointers KvCache::pages(SequenceId sequence, size_t length, size_t layer, size_t head) const {
  const Sequence& s = find(sequence);
  PagePointers pointers;
  for (size_t page = 0; page * kPagePositions < length; ++page) {
    const std::byte* keys = s.pages[page]->data() + (layer * n_head_ + head) * head_bytes_;
    pointers.keys.push_back(keys);
    pointers.values.push_back(keys + keys_bytes_);
  }
  return pointers;
}

}  // namespace gptj
