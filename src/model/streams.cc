// SPDX-License-Identifier: Apache-2.0
#include "model/streams.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/clock.h"

namespace gptj {
namespace {

constexpr size_t kMaxStreams = 4;
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
    out_ = AlignedBuffer<float>(n_);
    std::fill_n(row_.data(), row_.size(), 0.0f);
    std::fill_n(groups_.data(), groups_.size(), 0.0f);
    std::fill_n(sums_.data(), sums_.size(), 0);
  }

  bool is_large() const { return bytes_ >= kEnoughBytes; }

  double seconds(size_t streams) {
    const auto start = Clock::now();
    pool_.run([&](size_t part) {
      for (const PackedMatrix* m : matrices_) {
        const PartRange panels = part_range(m->n_panels(), part, pool_.parts());
        kernels_.product[static_cast<size_t>(m->element)].compute(
            {.x = {row_.data(), 0, groups_.data(), sums_.data(), 0},
             .rows = 1,
             .k = m->k,
             .group = m->group,
             .streams = streams,
             .panels = m->panels.data(),
             .first_panel = panels.begin,
             .last_panel = panels.end,
             .bias = nullptr,
             .out = out_.data(),
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

size_t fastest_streams(const Weights& weights, const KernelTable& kernels, ThreadPool& pool) {
  const size_t by_default = default_streams(weights.layers[0].qkv.element);
  Trial trial(weights, kernels, pool);
  if (!trial.is_large()) return by_default;
  trial.seconds(by_default);  // brings pages in
  double best[kMaxStreams + 1];
  std::fill(std::begin(best), std::end(best), std::numeric_limits<double>::infinity());
  for (int run = 0; run < kRuns; ++run) {
    for (size_t streams = 1; streams <= kMaxStreams; ++streams) {
      best[streams] = std::min(best[streams], trial.seconds(streams));
    }
  }
  const size_t fastest =
      static_cast<size_t>(std::min_element(std::begin(best), std::end(best)) - best);
  return best[fastest] < kClearly * best[by_default] ? fastest : by_default;
}

}  // namespace gptj
