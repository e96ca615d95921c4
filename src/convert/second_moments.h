// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "engine/matrix.h"
#include "kernels/kernels.h"

namespace gptj {

// R of H = R R^T, upper triangular.
struct UpperFactor {
  size_t k = 0, stride = 0;
  AlignedBuffer<float> columns;  // R[i][j] at j * stride + i, i <= j; zero below

  const float* column(size_t j) const { return columns.data() + j * stride; }
};

// H = sum of x x^T over the inputs x that a matrix was multiplied with: what an error in its
// weights does to its outputs. One thread at a time.
class SecondMoments {
 public:
  SecondMoments(size_t k, const KernelTable& kernels, ThreadPool& pool);

  // Adds the first `rows` rows of x, k columns each.
  void add(const Matrix& x, size_t rows);

  // The factor of H, its diagonal raised by a hundredth of its mean so that directions the inputs
  // never took do not matter without bound. By Eigen, whose blocks, hence the last bits, follow the
  // processor's caches. `this` is spent.
  UpperFactor factor();

  // Bytes that factor() needs, those of this object included.
  static uint64_t bytes(size_t k) { return uint64_t{2} * k * (k + kLanes) * sizeof(float); }

 private:
  void add_some(const Matrix& x, size_t first, size_t rows);
  float at(size_t row, size_t column) const;  // row >= column

  size_t k_;
  const KernelTable& kernels_;
  ThreadPool& pool_;
  // Of panel p, columns 16 p .. 16 p + 15: [k][16], from row 16 p on.
  std::vector<AlignedBuffer<float>> panels_;
};

}  // namespace gptj
