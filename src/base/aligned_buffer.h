// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace gptj {

// The size of the memory pages to ask for. Huge pages are a hint for large buffers, on systems that
// have them.
enum class Pages { kHuge, kSmall };

// Returns at least one byte of memory at a multiple of 64. The memory comes from operator new,
// which a host or a test may have replaced. The caller frees it with free_aligned(). Throws
// std::bad_alloc.
void* allocate_aligned(size_t bytes, Pages pages);
// Frees memory that allocate_aligned() returned. `bytes` must be the same as there; `data` may be
// null.
void free_aligned(void* data, size_t bytes) noexcept;

// A buffer of `size` objects of a trivial type, the first at a multiple of 64 bytes. Values are
// undefined until written, so that each page lies in the memory near the thread that first writes
// it.
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
