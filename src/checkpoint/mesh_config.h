// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gptj/checkpoint.h"

namespace gptj {

// The sizes of the model that the arrays of a mesh-transformer-jax checkpoint show.
struct MeshSizes {
  uint64_t n_layer = 0, n_embd = 0, n_inner = 0, vocab_size = 0, n_shards = 0;
};

// Returns the config from mesh-transformer-jax's own config.json in `folder`; empty if that file is
// Hugging Face's. Without a config.json, returns GPT-J-6B's config if the arrays have its sizes,
// and else throws kNotFound, because no array shows the number of heads and rotated dimensions, and
// guessing them wrong gives nonsense. Messages name `step`.
std::optional<ModelConfig> mesh_config(const std::string& folder, const std::string& step,
                                       const MeshSizes& sizes);

}  // namespace gptj
