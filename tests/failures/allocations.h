// SPDX-License-Identifier: Apache-2.0
// Replaces the global operator new of an executable by one that fails when it is told to, on any
// thread: as the library sees memory run out. Only one .cc file may include this.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace gptj::test {

inline std::atomic<int64_t> allocations_left{-1};  // until one fails; below 0: none does
inline std::atomic<int64_t> live_allocations{0};

inline void* allocate(size_t size, size_t alignment) {
  if (allocations_left.load() >= 0 && allocations_left.fetch_sub(1) == 0) throw std::bad_alloc();
  const size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* data = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (data == nullptr) throw std::bad_alloc();
  ++live_allocations;
  return data;
}

inline void release(void* data) {
  if (data != nullptr) --live_allocations;
  std::free(data);
}

// Lets the `n`-th allocation from now, counted from 0, fail for as long as the object lives.
class FailAt {
 public:
  explicit FailAt(int64_t n) { allocations_left = n; }
  ~FailAt() { stop(); }
  FailAt(const FailAt&) = delete;
  FailAt& operator=(const FailAt&) = delete;

  void stop() {
    if (!stopped_) failed_ = allocations_left.exchange(-1) < 0;
    stopped_ = true;
  }
  // Whether there were so many; after stop().
  bool failed() const { return failed_; }

 private:
  bool stopped_ = false, failed_ = false;
};

}  // namespace gptj::test

void* operator new(size_t size) {
  return gptj::test::allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(size_t size, std::align_val_t alignment) {
  return gptj::test::allocate(size, static_cast<size_t>(alignment));
}
// The one without exceptions, which a sanitizer would otherwise bring along with a heap of its own.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* data) noexcept { gptj::test::release(data); }
void operator delete(void* data, size_t) noexcept { gptj::test::release(data); }
void operator delete(void* data, std::align_val_t) noexcept { gptj::test::release(data); }
void operator delete(void* data, size_t, std::align_val_t) noexcept { gptj::test::release(data); }
