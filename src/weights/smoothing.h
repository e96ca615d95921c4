// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "checkpoint/weight_source.h"
#include "weights/weights.h"

namespace gptj {

// Returns `source` with outlier channels smoothed, or unchanged if `element` is not int8.
//
// Smoothing makes some channels of a layer's ln_1 smaller by a power of two, and makes the weights
// of q, k, v and fc_in that read these channels larger by the same power. The function stays
// exactly the same as long as nothing is rounded. In a group of 128 channels of which few are far
// above the rest, activations then lose less when they become int8, and weights lose a little more.
// The power is chosen so that the sum of both errors is least, as estimated from ln_1 and the
// weights alone. Layers without outlier channels stay as they are. int4 weights are not smoothed,
// because they would lose as much as the activations gain. The idea is from "SmoothQuant" (Xiao et
// al., 2023).
std::unique_ptr<WeightSource> smoothed_source(std::unique_ptr<WeightSource> source,
                                              Element element);

}  // namespace gptj
