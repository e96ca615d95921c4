// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace gptj {

// Huge pages are asked for where there are many and the system has them.
enum class Pages { kHuge, kSmall };

// Returns at least one byte at a multiple of 64, from operator new, which a host or a test may have
// replaced. Throws std::bad_alloc.
void* allocate_aligned(size_t bytes, Pages pages);
// Gives back what allocate_aligned returned for so many bytes.
void free_aligned(void* data, size_t bytes) noexcept;

// `size` objects of a trivial type, the first at a multiple of 64 bytes, their values undefined
// until written (so that the thread that writes a page first is the one whose memory it takes).
template <class T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 64);

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size, Pages pages = Pages::kHuge) : size_(size) {
    if (size > std::numeric_limits<size_t>::max() / sizeof(T) - 64) throw std::bad_alloc();
    data_ = static_cast<T*>(allocate_aligned(size * sizeof(T), pages));
  }
  ~AlignedBuffer() { free_aligned(data_, size_ * sizeof(T)); }
  // The buffer that was moved from is empty.
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    AlignedBuffer taken(std::move(other));
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  std::span<T> span() { return {data(), size_}; }
  std::span<const T> span() const { return {data(), size_}; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace gptj
