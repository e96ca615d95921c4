// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/checkpoint_files.h"

namespace gptj {

// The parameters of Hugging Face's FlaxGPTJForCausalLM, flax_model.msgpack. Kernels are [in, out]
// there and are transposed when asked for; the rest is mapped.
CheckpointFiles open_flax_checkpoint(const std::string& folder, const std::string& file);

}  // namespace gptj
