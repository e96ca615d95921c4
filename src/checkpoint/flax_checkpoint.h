// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

// Adds the parameters of Hugging Face's FlaxGPTJForCausalLM, flax_model.msgpack or a shard of it,
// and gives their paths. Kernels are [in, out] there and are transposed when asked for; the rest is
// mapped.
std::vector<std::string> add_flax(const std::string& path, CheckpointFiles& found);

CheckpointFiles open_flax_checkpoint(const std::string& folder, const std::string& file);

}  // namespace gptj
