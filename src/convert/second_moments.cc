// SPDX-License-Identifier: Apache-2.0
#include "convert/second_moments.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace gptj {
namespace {

constexpr size_t kRowsAtOnce = 256;
constexpr float kDamping = 0.01f;  // as a fraction of the mean of the diagonal

using Matrixf = Eigen::MatrixXf;

}  // namespace

SecondMoments::SecondMoments(size_t k, const KernelTable& kernels, ThreadPool& pool)
    : k_(k), kernels_(kernels), pool_(pool), panels_(padded(k) / kLanes) {
  for (size_t p = 0; p < panels_.size(); ++p) {
    panels_[p] = AlignedBuffer<float>((k_ - p * kLanes) * kLanes);
    std::fill_n(panels_[p].data(), panels_[p].size(), 0.0f);
  }
}

void SecondMoments::add(const Matrix& x, size_t rows) {
  for (size_t first = 0; first < rows; first += kRowsAtOnce) {
    add_some(x, first, std::min(kRowsAtOnce, rows - first));
  }
}

// Adds X^T X of `rows` rows from `first` on. The product multiplies the transposed rows by panels
// of 16 columns.
void SecondMoments::add_some(const Matrix& x, size_t first, size_t rows) {
  const size_t stride = kRowsAtOnce + kLanes;
  AlignedBuffer<float> transposed(k_ * stride), panels(padded(k_) * rows);
  pool_.parallel([&](size_t slice) {
    const SliceRange range = slice_range(panels_.size(), slice, pool_.slices());
    for (size_t i = range.begin * kLanes; i < range.end * kLanes; ++i) {
      float* panel = panels.data() + i / kLanes * kLanes * rows + i % kLanes;
      for (size_t r = 0; r < rows; ++r) {
        const float value = i < k_ ? x.row(first + r)[i] : 0.0f;
        panel[r * kLanes] = value;
        if (i < k_) transposed[i * stride + r] = value;
      }
    }
  });
  // Panel p has 16 rows fewer than panel p - 1, so each slice takes every slices()-th panel.
  AlignedBuffer<float> products(pool_.slices() * k_ * kLanes);
  AlignedBuffer<float> scratch(pool_.slices() * kProductScratch);
  pool_.parallel([&](size_t slice) {
    float* out = products.data() + slice * k_ * kLanes;
    for (size_t p = slice; p < panels_.size(); p += pool_.slices()) {
      const size_t below = k_ - p * kLanes;
      kernels_.product[Element::kF32].compute(
          {.x = {transposed.data() + p * kLanes * stride, stride},
           .rows = below,
           .k = rows,
           .group = 0,
           .reading = {},
           .panels = panels.data() + p * kLanes * rows,
           .first_panel = 0,
           .last_panel = 1,
           .bias = nullptr,
           .out = out,
           .out_stride = kLanes,
           .scratch = scratch.data() + slice * kProductScratch});
      for (size_t i = 0; i < below * kLanes; ++i) panels_[p][i] += out[i];
    }
  });
}

float SecondMoments::at(size_t row, size_t column) const {
  const size_t p = column / kLanes;
  return panels_[p][(row - p * kLanes) * kLanes + column % kLanes];
}

// Reverses the rows and columns of H, factors the result into L L^T, and reverses L, which gives R.
UpperFactor SecondMoments::factor() {
  const auto n = static_cast<Eigen::Index>(k_);
  double trace = 0;
  for (size_t i = 0; i < k_; ++i) trace += at(i, i);
  check(std::isfinite(trace), ErrorCode::kNotFinite,
        "calibration: activations are not finite; the weights are damaged");
  const double mean = trace > 0 ? trace / static_cast<double>(k_) : 1.0;

  Matrixf m = Matrixf::Zero(n, n);
  for (size_t j = 0; j < k_; ++j) {
    for (size_t i = j; i < k_; ++i) {
      m(n - 1 - static_cast<Eigen::Index>(j), n - 1 - static_cast<Eigen::Index>(i)) = at(i, j);
    }
  }
  panels_.clear();
  m.diagonal().array() += static_cast<float>(kDamping * mean);
  const Eigen::LLT<Eigen::Ref<Matrixf>> llt(m);
  check(llt.info() == Eigen::Success, ErrorCode::kNotFinite,
        "calibration: the activations' second moments have no Cholesky factor");

  UpperFactor factor{k_, k_ + kLanes, AlignedBuffer<float>(k_ * (k_ + kLanes))};
  for (size_t j = 0; j < k_; ++j) {
    float* column = factor.columns.data() + j * factor.stride;
    const auto of_l = m.col(n - 1 - static_cast<Eigen::Index>(j));
    for (size_t i = 0; i < k_; ++i) {
      column[i] = i <= j ? of_l(n - 1 - static_cast<Eigen::Index>(i)) : 0.0f;
    }
  }
  return factor;
}

}  // namespace gptj
