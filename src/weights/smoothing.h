// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "checkpoint/weight_source.h"
#include "weights/weights.h"

namespace gptj {

// `source` with some channels of each layer's ln_1 made smaller by a power of two, and the inputs
// of q, k, v and fc_in that they feed made larger by the same: exactly the same function, as long
// as nothing is rounded. Where few channels of a group of 128 are far above the rest, activations
// then lose less when they become int8, and weights a little more; how far to go is what makes the
// sum of both least, as estimated from ln_1's gains and the weights alone. Layers without such
// channels stay as they are, and so do weights of other types than int8: those of 4 bits would lose
// as much as activations gain. The idea: "SmoothQuant" (Xiao et al., 2023).
std::unique_ptr<WeightSource> smoothed_source(std::unique_ptr<WeightSource> source,
                                              Element element);

}  // namespace gptj
