// SPDX-License-Identifier: Apache-2.0
// Reading of memory at full speed, with which gptj bench compares. Include a vec_*.h first.
#pragma once

#include "kernels/product.inc.h"

namespace gptj::GPTJ_ISA {
namespace {

template <int S>
inline uint64_t read_interleaved(const float* data, size_t floats) {
  const size_t stream = floats / S;
  F32x16 acc[S][2];
  GPTJ_UNROLL for (int s = 0; s < S; ++s) acc[s][0] = acc[s][1] = splat(0.0f);
  for (size_t i = 0; i < stream; i += 2 * kLanes) {
    GPTJ_UNROLL for (int s = 0; s < S; ++s) {
      const float* p = data + static_cast<size_t>(s) * stream + i;
      acc[s][0] = max(load(p), acc[s][0]);
      acc[s][1] = max(load(p + kLanes), acc[s][1]);
    }
  }
  F32x16 total = splat(0.0f);
  GPTJ_UNROLL for (int s = 0; s < S; ++s) total = max(total, max(acc[s][0], acc[s][1]));
  return maximum(total) > 1e30f ? 1 : 0;
}

uint64_t read_streams(const void* data, size_t bytes, size_t streams) {
  const auto* floats = static_cast<const float*>(data);
  const size_t n = bytes / sizeof(float);
  return streams == 4 ? read_interleaved<4>(floats, n) : read_interleaved<1>(floats, n);
}

}  // namespace
}  // namespace gptj::GPTJ_ISA
