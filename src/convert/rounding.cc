// SPDX-License-Identifier: Apache-2.0
#include "convert/rounding.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <vector>

#include "base/half.h"

namespace gptj {
namespace {

using Lanes = std::array<float, kLanes>;

// Rounds one panel of 16 outputs, group after group. In the comments w is the exact weight of an
// input, q the rounded weight and e = w - q, all for one output.
class PanelRounding {
 public:
  PanelRounding(const UpperFactor& factor, const KernelTable& kernels, const PanelFormat& format)
      : factor_(factor),
        kernels_(kernels),
        format_(format),
        errors_(format.k * kLanes),
        product_scratch_(kProductScratch) {}

  // Rounds `exact`, [k][16], into `panel`. Returns false if a finite weight's scale became
  // infinite.
  bool round(const float* exact, std::byte* panel) {
    QuantizedPanel out(format_, panel);
    bool in_range = true;
    for (size_t begin = 0; begin < format_.k; begin += format_.group) {
      begin_ = begin;
      n_ = std::min(format_.group, format_.k - begin);
      exact_ = exact + begin * kLanes;
      round_group();
      out.put(begin / format_.group, n_, group_);
      in_range = in_range && !group_.overflowed(n_);
    }
    return in_range;
  }

 private:
  void round_group() {
    sum_groups_before();
    // The scales are chosen for the weights as they would be if none were rounded: q = w + carried,
    // so that e = -carried.
    for_each_input([&](size_t j, const Lanes& carried, Lanes& e) {
      for (size_t l = 0; l < kLanes; ++l) {
        e[l] = -carried[l];
        group_.w[j * kLanes + l] = exact_[j * kLanes + l] + carried[l];
      }
    });
    group_.quantize(kernels_, format_.element, n_);
    read_scales();
    for_each_input([&](size_t j, const Lanes& carried, Lanes& e) {
      for (size_t l = 0; l < kLanes; ++l) {
        const float w = exact_[j * kLanes + l], wanted = (w + carried[l]) * reciprocal_[l];
        // A scale that is not finite makes every product infinite or NaN, so the numbers no longer
        // matter.
        const bool usable = std::isfinite(wanted) && std::isfinite(scale_[l]);
        const float level =
            usable ? std::clamp(std::nearbyint(wanted), lowest_[l], highest_[l]) : 0.0f;
        group_.q[j * kLanes + l] = static_cast<int8_t>(level + zero_[l]);
        e[l] = usable ? w - level * scale_[l] : 0.0f;
      }
    });
  }

  // Sets sums_[j] to the sum of R[i][j] e[i] over the inputs i of earlier groups.
  void sum_groups_before() {
    if (begin_ == 0) {
      std::fill_n(sums_, n_ * kLanes, 0.0f);
      return;
    }
    kernels_.product[Element::kF32].compute({.x = {factor_.column(begin_), factor_.stride},
                                             .rows = n_,
                                             .k = begin_,
                                             .group = 0,
                                             .reading = {},
                                             .panels = errors_.data(),
                                             .first_panel = 0,
                                             .last_panel = 1,
                                             .bias = nullptr,
                                             .out = sums_,
                                             .out_stride = kLanes,
                                             .scratch = product_scratch_.data()});
  }

  // Calls choose(j, carried, e) for each input j of the group in ascending order. carried is the
  // sum of R[i][j] e[i] over the inputs i before j, divided by R[j][j]; choose sets e, the error of
  // input j.
  template <class Function>
  void for_each_input(const Function& choose) {
    float* errors = errors_.data() + begin_ * kLanes;
    for (size_t j = 0; j < n_; ++j) {
      const float* r = factor_.column(begin_ + j) + begin_;
      Lanes carried;
      std::copy_n(sums_ + j * kLanes, kLanes, carried.data());
      for (size_t i = 0; i < j; ++i) {
        for (size_t l = 0; l < kLanes; ++l) carried[l] += r[i] * errors[i * kLanes + l];
      }
      for (float& value : carried) value /= r[j];
      Lanes e;
      choose(j, carried, e);
      std::copy_n(e.data(), kLanes, errors + j * kLanes);
    }
  }

  void read_scales() {
    const bool int4 = format_.element == Element::kInt4;
    for (size_t l = 0; l < kLanes; ++l) {
      const float zero = int4 ? static_cast<float>(group_.zeros[l]) : 0.0f;
      scale_[l] = f16_to_f32(group_.scales[l]);
      reciprocal_[l] = scale_[l] > 0 && std::isfinite(scale_[l]) ? 1.0f / scale_[l] : 0.0f;
      lowest_[l] = int4 ? -zero : -127.0f;
      highest_[l] = int4 ? 15.0f - zero : 127.0f;
      zero_[l] = zero;
    }
  }

  const UpperFactor& factor_;
  const KernelTable& kernels_;
  PanelFormat format_;
  AlignedBuffer<float> errors_;  // e of all inputs so far: [k][16]
  AlignedBuffer<float> product_scratch_;
  // State of the current group.
  size_t begin_ = 0, n_ = 0;
  const float* exact_ = nullptr;
  alignas(64) float sums_[kMaxGroup * kLanes];
  QuantizedGroup group_;
  Lanes scale_, reciprocal_, lowest_, highest_, zero_;
};

}  // namespace

bool round_with_feedback(const PackedMatrix& exact, const UpperFactor& factor,
                         const KernelTable& kernels, ThreadPool& pool, PackedMatrix& m) {
  const PanelFormat format = m.format();
  m.owned = AlignedBuffer<std::byte>(m.bytes());
  m.panels = m.owned.span();
  std::vector<PanelRounding> roundings;  // made here because the pool's work must not throw
  for (size_t slice = 0; slice < pool.slices(); ++slice) {
    roundings.emplace_back(factor, kernels, format);
  }
  std::atomic<bool> in_range{true};
  pool.parallel([&](size_t slice) {
    PanelRounding& rounding = roundings[slice];
    const SliceRange range = slice_range(m.n_panels(), slice, pool.slices());
    for (size_t p = range.begin; p < range.end; ++p) {
      const auto* panel = exact.panels.data() + p * exact.format().bytes();
      if (!rounding.round(reinterpret_cast<const float*>(panel),
                          m.owned.data() + p * format.bytes())) {
        in_range = false;
      }
    }
  });
  return in_range;
}

}  // namespace gptj
