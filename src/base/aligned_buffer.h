// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace gptj {

// Huge pages are asked for where there are many and the system has them.
enum class Pages { kHuge, kSmall };

// At least one byte at a multiple of 64. Throws std::bad_alloc; std::free gives it back.
void* allocate_aligned(size_t bytes, Pages pages);

// `size` objects of a trivial type, the first at a multiple of 64 bytes, their values undefined
// until written (so that the thread that writes a page first is the one whose memory it takes).
template <class T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 64);

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size, Pages pages = Pages::kHuge) : size_(size) {
    if (size > std::numeric_limits<size_t>::max() / sizeof(T) - 64) throw std::bad_alloc();
    data_.reset(static_cast<T*>(allocate_aligned(size * sizeof(T), pages)));
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_.get()[i]; }
  const T& operator[](size_t i) const { return data_.get()[i]; }
  std::span<T> span() { return {data(), size_}; }
  std::span<const T> span() const { return {data(), size_}; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

}  // namespace gptj
