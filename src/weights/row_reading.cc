// SPDX-License-Identifier: Apache-2.0
#include "weights/row_reading.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/clock.h"

namespace gptj {
namespace {

constexpr size_t kStreams[] = {1, 2, 3, 4}, kAhead[] = {0, 1280};
// Another reading must be better than the default by more than measurements vary.
constexpr double kClearly = 0.95;
constexpr uint64_t kEnoughBytes = uint64_t{256} << 20;
constexpr int kRuns = 4;

// The product of one row of zeros with so many matrices that they are read from memory, not from a
// cache.
class Trial {
 public:
  Trial(const Weights& weights, const KernelTable& kernels, ThreadPool& pool)
      : kernels_(kernels), pool_(pool), scratch_(pool.slices() * kProductScratch) {
    for (const Layer& layer : weights.layers) {
      for (const PackedMatrix* m : layer.matrices()) {
        if (bytes_ >= kEnoughBytes) break;
        matrices_.push_back(m);
        bytes_ += m->bytes();
        k_ = std::max(k_, m->k);
        n_ = std::max(n_, padded(m->n));
      }
    }
    // Zeros, which have the same bytes in every type that a product may take its rows in.
    row_ = AlignedBuffer<float>(padded_inputs(k_));
    groups_ = AlignedBuffer<float>(padded_inputs(k_));
    sums_ = AlignedBuffer<int32_t>(padded_inputs(k_));
    out_ = AlignedBuffer<float>(pool.slices() * n_);
    std::fill_n(row_.data(), row_.size(), 0.0f);
    std::fill_n(groups_.data(), groups_.size(), 0.0f);
    std::fill_n(sums_.data(), sums_.size(), 0);
  }

  bool is_large() const { return bytes_ >= kEnoughBytes; }

  // Multiplies all matrices once, reading their panels as `reading` says. Returns the seconds.
  double seconds(const RowReading& reading) {
    const auto start = Clock::now();
    pool_.parallel([&](size_t slice) {
      for (const PackedMatrix* m : matrices_) {
        const SliceRange panels = slice_range(m->n_panels(), slice, pool_.slices());
        kernels_.product[m->element].compute(
            {.x = {row_.data(), 0, groups_.data(), sums_.data(), 0},
             .rows = 1,
             .k = m->k,
             .group = m->group,
             .reading = reading,
             .panels = m->panels.data(),
             .first_panel = panels.begin,
             .last_panel = panels.end,
             .bias = nullptr,
             .out = out_.data() + slice * n_,
             .out_stride = n_,
             .scratch = scratch_.data() + slice * kProductScratch});
      }
    });
    return seconds_since(start);
  }

 private:
  const KernelTable& kernels_;
  ThreadPool& pool_;
  std::vector<const PackedMatrix*> matrices_;
  uint64_t bytes_ = 0;
  size_t k_ = 0, n_ = 0;
  AlignedBuffer<float> scratch_, row_, groups_, out_;
  AlignedBuffer<int32_t> sums_;
};

}  // namespace

RowReading fastest_reading(const Weights& weights, const KernelTable& kernels, ThreadPool& pool) {
  Trial trial(weights, kernels, pool);
  if (!trial.is_large()) return {};
  std::vector<TimedReading> tried;
  for (const size_t streams : kStreams) {
    for (const size_t ahead : kAhead) {
      tried.push_back({{streams, ahead}, std::numeric_limits<double>::infinity()});
    }
  }
  trial.seconds({});  // brings pages in
  for (int run = 0; run < kRuns; ++run) {
    for (auto& [reading, seconds] : tried) seconds = std::min(seconds, trial.seconds(reading));
  }
  return choose_reading(tried);
}

RowReading choose_reading(std::span<const TimedReading> tried) {
  const RowReading standard;
  TimedReading best = tried[0];
  double standard_seconds = 0;
  for (const TimedReading& one : tried) {
    if (one.seconds < best.seconds) best = one;
    if (one.reading == standard) standard_seconds = one.seconds;
  }
  return best.seconds < kClearly * standard_seconds ? best.reading : standard;
}

}  // namespace gptj
