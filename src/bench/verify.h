// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gptj/model.h"

namespace gptj {

// Compares the instruction set of `model` with portable code. Both run a small model of random
// weights, packed and read as `model` is: a text of more than a page, then one to sixteen rows at a
// time. Throws kUnsupported, with the name of the set, unless the logits have the same bits. If the
// set rounds products of bf16 weights in its own way, the logits only have to be near.
void verify_kernels(const Model& model);

}  // namespace gptj
