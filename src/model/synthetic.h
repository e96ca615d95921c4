// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "gptj/model.h"
#include "kernels/kernels.h"

namespace gptj {

// Returns a model of random weights for benchmarks and tests, packed in options.weights (f32 if not
// set). The model has no tokenizer. `reading`, if set, is the way in which single rows read panels;
// if not set, the fastest way is measured.
Model synthetic_model(const ModelConfig& config, const LoadOptions& options, uint64_t seed,
                      const std::optional<RowReading>& reading = {});

}  // namespace gptj
