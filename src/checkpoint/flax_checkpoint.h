// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

// Adds the parameters of Hugging Face's FlaxGPTJForCausalLM to `found`, from flax_model.msgpack or
// one of its shards, and returns their paths in the file. Kernels are [in, out] there, so they are
// transposed when they are read; all other parameters are mapped.
std::vector<std::string> add_flax(const std::string& path, CheckpointFiles& found);

// Opens the parameters in `file`; config.json and the tokenizer are in `folder`.
CheckpointFiles open_flax_checkpoint(const std::string& folder, const std::string& file);

}  // namespace gptj
