// SPDX-License-Identifier: Apache-2.0
#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace gptj {
namespace {

// KiB of huge pages in the mapping that holds `address`, as the kernel counts them.
uint64_t huge_kib(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream range(line);
    if (range >> std::hex >> begin >> dash >> end && dash == '-') {
      inside = begin <= wanted && wanted < end;
    }
    if (inside && line.starts_with("AnonHugePages:")) {
      return std::stoull(line.substr(line.find(':') + 1));
    }
  }
  return 0;
}

TEST(AlignedBuffer, BeginsAtALineWhateverItsSize) {
  for (const size_t size : {0, 1, 63, 64, 65, 10'000'000}) {
    for (const Pages pages : {Pages::kHuge, Pages::kSmall}) {
      AlignedBuffer<char> buffer(size, pages);
      EXPECT_EQ(buffer.size(), size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
      if (size > 0) std::memset(buffer.data(), 1, size);
    }
  }
}

TEST(AlignedBuffer, OfSmallPagesHasNoHugeOnes) {
  AlignedBuffer<char> small(size_t{32} << 20, Pages::kSmall);
  std::memset(small.data(), 1, small.size());
  EXPECT_EQ(huge_kib(small.data() + small.size() / 2), 0u);
}

TEST(AlignedBuffer, ThatWasMovedFromIsEmpty) {
  AlignedBuffer<char> a(100), b;
  b = std::move(a);
  EXPECT_EQ(a.size(), 0u);
  EXPECT_EQ(a.data(), nullptr);
  const AlignedBuffer<char> c(std::move(b));
  EXPECT_EQ(b.size(), 0u);
  EXPECT_EQ(c.size(), 100u);
}

TEST(AlignedBuffer, RefusesSizesThatOverflow) {
  EXPECT_THROW(AlignedBuffer<double>(SIZE_MAX / 8), std::bad_alloc);
}

}  // namespace
}  // namespace gptj
