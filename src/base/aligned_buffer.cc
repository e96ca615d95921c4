// SPDX-License-Identifier: Apache-2.0
#include "base/aligned_buffer.h"

#include <sys/mman.h>

namespace gptj {
namespace {

constexpr size_t kLine = 64, kHugePage = size_t{2} << 20;

std::align_val_t alignment_of(size_t bytes) {
  return std::align_val_t{bytes >= 2 * kHugePage ? kHugePage : kLine};
}

}  // namespace

void* allocate_aligned(size_t bytes, Pages pages) {
  const size_t size = bytes == 0 ? kLine : (bytes + kLine - 1) / kLine * kLine;
  void* data = ::operator new(size, alignment_of(bytes));
#if defined(MADV_HUGEPAGE)
  if (bytes >= 2 * kHugePage) {
    ::madvise(data, size / kHugePage * kHugePage,
              pages == Pages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
#endif
  return data;
}

void free_aligned(void* data, size_t bytes) noexcept {
  ::operator delete(data, alignment_of(bytes));
}

}  // namespace gptj
