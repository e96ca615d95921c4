// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/thread_pool.h"
#include "convert/second_moments.h"
#include "weights/weights.h"

namespace gptj {

// Quantizes the f32 panels of `exact` into `m`, a quantized matrix without its numbers. Inputs are
// rounded in ascending order, and each one's error is carried into those that follow, so that the
// error of the outputs is small rather than that of the weights: the method of "GPTQ" (Frantar,
// Ashkboos, Hoefler, Alistarh, 2022), which is Babai's nearest plane. With H = R R^T the error of
// an output is |R^T (w - q)|, whose entry j holds the inputs up to j alone: what those before j
// left there, divided by R[j][j], is added to w[j] before it is rounded. Scales are chosen for what
// a group would be if it were not rounded.
//
// Returns false if a finite weight's scale became infinite.
bool round_with_feedback(const PackedMatrix& exact, const UpperFactor& factor,
                         const KernelTable& kernels, ThreadPool& pool, PackedMatrix& m);

}  // namespace gptj
