// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "gptj/model.h"
#include "kernels/kernels.h"

namespace gptj {

// A model of random weights, packed as options.weights says (not set: f32), for benchmarks and
// tests. It has no tokenizer. `reading`: how single rows read panels, instead of what is fastest.
Model synthetic_model(const ModelConfig& config, const LoadOptions& options, uint64_t seed,
                      const std::optional<RowReading>& reading = {});

}  // namespace gptj
