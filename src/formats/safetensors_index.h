// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "formats/safetensors.h"

namespace gptj {

// Opens every shard that a model.safetensors.index.json names, once, and proves that index and
// shards agree: each tensor is in the shard the index says and in no other. Shards lie beside the
// index. Throws as SafetensorsFile; kNotFound names a missing shard.
std::vector<SafetensorsFile> open_safetensors_shards(const std::string& index_path);

}  // namespace gptj
