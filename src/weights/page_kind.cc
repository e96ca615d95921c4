// SPDX-License-Identifier: Apache-2.0
#include "weights/page_kind.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/clock.h"
#include "base/memory.h"

namespace gptj {
namespace {

constexpr size_t kBytes = size_t{512} << 20;
constexpr int kRuns = 6;
// Small pages must be better by more than measurements vary.
constexpr double kClearly = 0.95;
constexpr size_t kStreams = 4;

// Memory in one kind of pages, to be read and timed.
class Sample {
 public:
  Sample(Pages pages, const KernelTable& kernels, ThreadPool& pool)
      : kernels_(kernels),
        pool_(pool),
        share_(kBytes / pool.slices() / 4096 * 4096),
        bytes_(kBytes, pages) {
    pool_.parallel([&](size_t slice) { std::memset(bytes_.data() + slice * share_, 0, share_); });
  }
  // Reads the memory once more. Returns the seconds of the fastest pass so far.
  double seconds() {
    const auto start = Clock::now();
    pool_.parallel([&](size_t slice) {
      kernels_.read_streams(bytes_.data() + slice * share_, share_, kStreams);
    });
    best_ = std::min(best_, seconds_since(start));
    return best_;
  }

 private:
  const KernelTable& kernels_;
  ThreadPool& pool_;
  size_t share_;
  AlignedBuffer<std::byte> bytes_;
  double best_ = std::numeric_limits<double>::infinity();
};

}  // namespace

Pages fastest_pages(const KernelTable& kernels, ThreadPool& pool) {
  if (available_memory() < 4 * kBytes) return Pages::kHuge;
  Sample huge(Pages::kHuge, kernels, pool), small(Pages::kSmall, kernels, pool);
  double of_huge = 0, of_small = 0;
  for (int run = 0; run < kRuns; ++run) {
    of_huge = huge.seconds();
    of_small = small.seconds();
  }
  return faster_pages(of_huge, of_small);
}

Pages faster_pages(double of_huge, double of_small) {
  return of_small < kClearly * of_huge ? Pages::kSmall : Pages::kHuge;
}

}  // namespace gptj
