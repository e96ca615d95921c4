// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gptj/checkpoint.h"

namespace gptj {

// What the arrays of a mesh-transformer-jax checkpoint say of the model.
struct MeshSizes {
  uint64_t n_layer = 0, n_embd = 0, n_inner = 0, vocab_size = 0, n_shards = 0;
};

// From mesh-transformer-jax's own config.json in `folder`; none where that file is Hugging Face's.
// Without one, arrays of GPT-J-6B's sizes mean it, and others throw kNotFound: the number of heads
// and rotated dimensions show in no array, and guessing them wrong gives nonsense.
std::optional<ModelConfig> mesh_config(const std::string& folder, const std::string& step,
                                       const MeshSizes& sizes);

}  // namespace gptj
