// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gptj/model.h"

namespace gptj {

// Runs a small model of random weights, packed and read as `model` is, by the instruction set of
// `model` and by portable code: a text of more than a page, then one row to sixteen. Throws
// kUnsupported, with the name of the set, unless the logits have the same bits; of bf16 weights,
// whose products round as each set does, unless they are near.
void verify_kernels(const Model& model);

}  // namespace gptj
