// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

// The folder with the shards of a mesh-transformer-jax checkpoint: `folder` itself, or the one
// step_* folder in it; empty where there is none. Throws kInvalidArgument where there are several.
std::string find_mesh_step(const std::string& folder);

// Where config.json or the tokenizer of the checkpoint in `step` lies: there or one folder above.
std::string mesh_config_folder(const std::string& step);

// shard_0, shard_1 ... of `step`: slim (16-bit parameters alone) or full (f32, with an optimizer's
// state). Each tensor is put together when asked for, in the type it is stored in, but for sums,
// which are f32: the embedding (the checkpoint has a bias for it) and the bias of fc_out.
// config.json is Hugging Face's or mesh-transformer-jax's own; without one, arrays of GPT-J-6B's
// sizes are taken for it, and others are an error.
CheckpointFiles open_mesh_checkpoint(const std::string& step);

}  // namespace gptj
