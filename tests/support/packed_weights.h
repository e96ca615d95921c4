// SPDX-License-Identifier: Apache-2.0
// The weights that a quantized matrix has, as its product shows them.
#pragma once

#include <vector>

#include "kernels/dispatch.h"
#include "weights/weights.h"

namespace gptj::test {

// [n][k], exact: a row that is 1 at input i alone gives weight i of every output.
inline std::vector<float> weights_of(const PackedMatrix& m) {
  const KernelTable& kernels = select_kernels("");
  std::vector<float> weights(m.n * m.k);
  AlignedBuffer<float> out(padded(m.n)), scratch(kProductScratch);
  const size_t groups = group_count(m.k, m.group);
  std::vector<int8_t> unit(padded_inputs(m.k));
  std::vector<float> scales(groups, 1.0f);
  std::vector<int32_t> sums(groups);
  for (size_t i = 0; i < m.k; ++i) {
    unit[i] = 1;
    sums[i / m.group] = 1;
    kernels.product[m.element].compute(
        {.x = {unit.data(), unit.size(), scales.data(), sums.data(), groups},
         .rows = 1,
         .k = m.k,
         .group = m.group,
         .reading = {},
         .panels = m.panels.data(),
         .first_panel = 0,
         .last_panel = m.n_panels(),
         .bias = nullptr,
         .out = out.data(),
         .out_stride = out.size(),
         .scratch = scratch.data()});
    unit[i] = 0;
    sums[i / m.group] = 0;
    for (size_t n = 0; n < m.n; ++n) weights[n * m.k + i] = out[n];
  }
  return weights;
}

}  // namespace gptj::test
