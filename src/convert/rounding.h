// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/thread_pool.h"
#include "convert/second_moments.h"
#include "weights/weights.h"

namespace gptj {

// Quantizes the f32 panels of `exact` into `m`, a quantized matrix without its numbers. Inputs are
// rounded in ascending order. The error of each input is carried into the inputs that follow, so
// that the error of the outputs is small rather than that of the weights. The method is that of
// "GPTQ" (Frantar, Ashkboos, Hoefler, Alistarh, 2022), which is Babai's nearest plane.
//
// With H = R R^T the error of an output is |R^T e|, e = w - q. R is upper triangular, so entry j of
// R^T e depends on the inputs up to j alone. Before w[j] is rounded, the sum over i < j of R[i][j]
// e[i], divided by R[j][j], is added to w[j]. The scales of a group are chosen for the weights that
// the group would have if none of its inputs were rounded.
//
// Returns false if a finite weight's scale became infinite.
bool round_with_feedback(const PackedMatrix& exact, const UpperFactor& factor,
                         const KernelTable& kernels, ThreadPool& pool, PackedMatrix& m);

}  // namespace gptj
