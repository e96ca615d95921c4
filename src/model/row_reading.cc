// SPDX-License-Identifier: Apache-2.0
#include "model/row_reading.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/clock.h"

namespace gptj {
namespace {

constexpr size_t kStreams[] = {1, 2, 3, 4}, kAhead[] = {0, 1280};
// Others must be better than the default by more than measurements vary.
constexpr double kClearly = 0.95;
constexpr uint64_t kEnoughBytes = uint64_t{256} << 20;
constexpr int kRuns = 4;

// One row of zeros times matrices that are read from memory, not from a cache.
class Trial {
 public:
  Trial(const Weights& weights, const KernelTable& kernels, ThreadPool& pool)
      : kernels_(kernels), pool_(pool), scratch_(pool.parts() * kProductScratch) {
    for (const Layer& layer : weights.layers) {
      for (const PackedMatrix* m : layer.matrices()) {
        if (bytes_ >= kEnoughBytes) break;
        matrices_.push_back(m);
        bytes_ += m->bytes();
        k_ = std::max(k_, m->k);
        n_ = std::max(n_, padded(m->n));
      }
    }
    // Zeros of whichever type the products take their rows in.
    row_ = AlignedBuffer<float>(padded_inputs(k_));
    groups_ = AlignedBuffer<float>(padded_inputs(k_));
    sums_ = AlignedBuffer<int32_t>(padded_inputs(k_));
    out_ = AlignedBuffer<float>(pool.parts() * n_);
    std::fill_n(row_.data(), row_.size(), 0.0f);
    std::fill_n(groups_.data(), groups_.size(), 0.0f);
    std::fill_n(sums_.data(), sums_.size(), 0);
  }

  bool is_large() const { return bytes_ >= kEnoughBytes; }

  double seconds(const RowReading& reading) {
    const auto start = Clock::now();
    pool_.run([&](size_t part) {
      for (const PackedMatrix* m : matrices_) {
        const PartRange panels = part_range(m->n_panels(), part, pool_.parts());
        kernels_.product[static_cast<size_t>(m->element)].compute(
            {.x = {row_.data(), 0, groups_.data(), sums_.data(), 0},
             .rows = 1,
             .k = m->k,
             .group = m->group,
             .reading = reading,
             .panels = m->panels.data(),
             .first_panel = panels.begin,
             .last_panel = panels.end,
             .bias = nullptr,
             .out = out_.data() + part * n_,
             .out_stride = n_,
             .scratch = scratch_.data() + part * kProductScratch});
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
  RowReading best;
  Trial trial(weights, kernels, pool);
  if (!trial.is_large()) return best;
  std::map<std::pair<size_t, size_t>, double> seconds;  // by streams and ahead: of the best run
  trial.seconds(best);                                  // brings pages in
  for (int run = 0; run < kRuns; ++run) {
    for (const size_t streams : kStreams) {
      for (const size_t ahead : kAhead) {
        const auto place =
            seconds.try_emplace({streams, ahead}, std::numeric_limits<double>::infinity()).first;
        place->second = std::min(place->second, trial.seconds({streams, ahead}));
      }
    }
  }
  const auto fastest =
      std::min_element(seconds.begin(), seconds.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (fastest->second < kClearly * seconds.at({best.streams, best.ahead})) {
    best = {fastest->first.first, fastest->first.second};
  }
  return best;
}

}  // namespace gptj
