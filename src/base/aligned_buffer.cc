// SPDX-License-Identifier: Apache-2.0
#include "base/aligned_buffer.h"

#include <stdlib.h>
#include <sys/mman.h>

namespace gptj {

void* allocate_aligned(size_t bytes, Pages pages) {
  constexpr size_t kLine = 64, kHugePage = size_t{2} << 20;
  const bool huge = bytes >= 2 * kHugePage;
  const size_t alignment = huge ? kHugePage : kLine;
  const size_t size = bytes == 0 ? alignment : (bytes + kLine - 1) / kLine * kLine;
  void* data = nullptr;
  if (::posix_memalign(&data, alignment, size) != 0) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  if (huge) {
    ::madvise(data, size / kHugePage * kHugePage,
              pages == Pages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
#endif
  return data;
}

}  // namespace gptj
