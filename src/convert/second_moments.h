// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "engine/matrix.h"
#include "kernels/kernels.h"

namespace gptj {

// The factor R of H = R R^T, upper triangular.
struct UpperFactor {
  size_t k = 0, stride = 0;
  AlignedBuffer<float> columns;  // R[i][j] at j * stride + i, i <= j; zero below

  const float* column(size_t j) const { return columns.data() + j * stride; }
};

// The sum H of x x^T over the inputs x that a matrix was multiplied with. H tells what an error in
// the weights does to the outputs. One thread at a time.
class SecondMoments {
 public:
  SecondMoments(size_t k, const KernelTable& kernels, ThreadPool& pool);

  // Adds the first `rows` rows of x, k columns each.
  void add(const Matrix& x, size_t rows);

  // Returns the factor of H. The diagonal of H is first raised by a hundredth of its mean, so that
  // errors stay bounded in directions that no input took. Eigen computes the factor in blocks whose
  // sizes follow the processor's caches, so the last bits may differ between processors. Throws
  // kNotFinite if the inputs are not finite. Afterwards this object is spent and must not be used.
  UpperFactor factor();

  // Returns the bytes that factor() needs, including those of this object.
  static uint64_t bytes(size_t k) { return uint64_t{2} * k * (k + kLanes) * sizeof(float); }

 private:
  void add_some(const Matrix& x, size_t first, size_t rows);
  float at(size_t row, size_t column) const;  // REQUIRES: row >= column

  size_t k_;
  const KernelTable& kernels_;
  ThreadPool& pool_;
  // panels_[p] is [rows][16]: columns 16 p .. 16 p + 15 of H, rows from 16 p on.
  std::vector<AlignedBuffer<float>> panels_;
};

}  // namespace gptj
