// SPDX-License-Identifier: Apache-2.0
// The index of a checkpoint in several files: model.safetensors.index.json and
// pytorch_model.bin.index.json.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gptj {

// Opens a shard and gives the names of its tensors.
using OpenShard = std::function<std::vector<std::string>(const std::string& path)>;

// Opens every shard that the index names, once, in the order of their names, and proves that index
// and shards agree: each tensor is in the shard the index says and in no other. Shards lie beside
// the index. Throws as `open`; kNotFound names a missing shard, kBadFile what does not agree.
void open_shards(const std::string& index_path, const OpenShard& open);

}  // namespace gptj
