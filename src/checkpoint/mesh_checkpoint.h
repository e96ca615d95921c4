// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "checkpoint/checkpoint_files.h"

namespace gptj {

// Returns the folder with the shards of a mesh-transformer-jax checkpoint: `folder` itself, or the
// one step_* folder in it; empty if there is none. Throws kInvalidArgument if there are several.
std::string find_mesh_step(const std::string& folder);

// Returns the folder of config.json or the tokenizer for the checkpoint in `step`: `step` itself or
// the folder above it.
std::string mesh_config_folder(const std::string& step);

// Opens shard_0, shard_1 ... in `step`. The checkpoint may be slim (only 16-bit parameters) or full
// (f32, with an optimizer's state). Each tensor is put together when it is read, in the type that
// it is stored in. Two tensors are sums and therefore f32: the embedding, because the checkpoint
// has a bias for it, and the bias of fc_out.
// config.json is Hugging Face's or mesh-transformer-jax's own. Without one, arrays of GPT-J-6B's
// sizes are taken for GPT-J-6B, and arrays of other sizes are an error.
CheckpointFiles open_mesh_checkpoint(const std::string& step);

}  // namespace gptj
