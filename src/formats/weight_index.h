// SPDX-License-Identifier: Apache-2.0
// Reads the index of a checkpoint in several files: model.safetensors.index.json or
// pytorch_model.bin.index.json.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gptj {

// Opens a shard and returns the names of its tensors.
using OpenShard = std::function<std::vector<std::string>(const std::string& path)>;

// Opens each shard of the index, once, in the order of the shards' names. Proves that index and
// shards agree: each tensor is in the shard that the index says, and in no other. Shards lie beside
// the index. Throws as `open` does; kNotFound, naming a missing shard; kBadFile, naming what is
// wrong in the index or where index and shards disagree.
void open_shards(const std::string& index_path, const OpenShard& open);

}  // namespace gptj
