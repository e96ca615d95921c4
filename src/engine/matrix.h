// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "base/aligned_buffer.h"
#include "kernels/kernels.h"

namespace gptj {

// Activations: [rows, columns] floats. The stride, in floats, leaves room for whole panels. The
// stride is one panel wider than that, so that rows do not fall on each other's cache sets when
// `columns` is a power of two.
class Matrix {
 public:
  explicit Matrix(size_t columns = 0) : columns_(columns), stride_(padded(columns) + kLanes) {}

  // Makes room for at least `rows` rows. If there were fewer before, all contents become zero.
  void reserve(size_t rows) {
    if (rows * stride_ <= data_.size()) return;
    data_ = AlignedBuffer<float>(rows * stride_);
    std::fill(data_.data(), data_.data() + data_.size(), 0.0f);
  }

  float* row(size_t r) { return data_.data() + r * stride_; }
  const float* row(size_t r) const { return data_.data() + r * stride_; }
  size_t columns() const { return columns_; }
  size_t stride() const { return stride_; }

 private:
  size_t columns_, stride_;
  AlignedBuffer<float> data_;
};

}  // namespace gptj
