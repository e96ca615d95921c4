// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gptj/model.h"

namespace gptj {

// A model of random weights, packed as options.weights says (not set: f32), for benchmarks and
// tests. It has no tokenizer.
Model synthetic_model(const ModelConfig& config, const LoadOptions& options, uint64_t seed);

}  // namespace gptj
