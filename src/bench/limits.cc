// SPDX-License-Identifier: Apache-2.0
#include "bench/limits.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/aligned_buffer.h"
#include "base/clock.h"
#include "base/memory.h"

namespace gptj {
namespace {

constexpr int kRepeats = 5, kRepeatsInPassing = 3;

template <class Measure>
double median_of(int repeats, Measure measure) {
  std::vector<double> values;
  for (int i = 0; i < repeats; ++i) values.push_back(measure());
  return median(std::move(values));
}

template <class Work>
double seconds(Work work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start);
}

using Spans = std::span<const std::span<const std::byte>>;

constexpr size_t kPage = 4096;  // read_streams() reads whole pages of this size

// Returns a thread's share of a span, in whole pages.
std::span<const std::byte> share_of(std::span<const std::byte> span, size_t slice,
                                    const ThreadPool& pool) {
  const SliceRange pages = slice_range(span.size() / kPage, slice, pool.slices());
  return span.subspan(pages.begin * kPage, (pages.end - pages.begin) * kPage);
}

// Returns the bytes per second of reading the spans: the better of the medians with one and four
// streams per thread.
double read_rate(const KernelTable& kernels, ThreadPool& pool, Spans spans, int repeats) {
  uint64_t bytes = 0;
  for (const auto& span : spans) bytes += span.size() / kPage * kPage;
  const auto pass = [&](size_t streams) {
    std::atomic<uint64_t> sink{0};
    return seconds([&] {
      pool.parallel([&](size_t slice) {
        for (const auto& span : spans) {
          const auto share = share_of(span, slice, pool);
          sink += kernels.read_streams(share.data(), share.size(), streams);
        }
      });
    });
  };
  double best = 0;
  for (const size_t streams : {1, 4}) {
    best = std::max(best,
                    median_of(repeats, [&] { return static_cast<double>(bytes) / pass(streams); }));
  }
  return best;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n == 0 ? 0 : (values[(n - 1) / 2] + values[n / 2]) / 2;
}

uint64_t read_buffer_bytes() {
  return std::min(uint64_t{4} << 30, available_memory() / 2 / kPage * kPage);
}

double measure_read(const KernelTable& kernels, ThreadPool& pool, uint64_t bytes) {
  double best = 0;
  for (const Pages pages : {Pages::kSmall, Pages::kHuge}) {
    AlignedBuffer<std::byte> buffer(bytes, pages);
    const std::span<const std::byte> span = buffer.span();
    pool.parallel([&](size_t slice) {
      const auto share = share_of(span, slice, pool);
      std::memset(buffer.data() + (share.data() - span.data()), 0, share.size());
    });
    best = std::max(best, read_rate(kernels, pool, {&span, 1}, kRepeats));
  }
  return best;
}

double read_again(const KernelTable& kernels, ThreadPool& pool,
                  std::span<const std::span<const std::byte>> spans) {
  return read_rate(kernels, pool, spans, kRepeatsInPassing);
}

MultiplyLimit::MultiplyLimit(const ProductKernel& product, ThreadPool& pool)
    : product_(product), pool_(pool) {
  constexpr double kSeconds = 0.05;
  while (seconds([&] { burst(); }) < kSeconds) steps_ *= 2;
}

double MultiplyLimit::burst() const {
  std::atomic<uint64_t> operations{0};
  const double time =
      seconds([&] { pool_.parallel([&](size_t) { operations += product_.burst(steps_); }); });
  return static_cast<double>(operations) / time;
}

double MultiplyLimit::measure() const {
  return median_of(kRepeats, [&] { return burst(); });
}

double MultiplyLimit::in_passing() const {
  return median_of(kRepeatsInPassing, [&] { return burst(); });
}

}  // namespace gptj
