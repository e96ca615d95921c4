// SPDX-License-Identifier: Apache-2.0
// The arrays of a mesh-transformer-jax checkpoint. Each folder shard_0 ... holds files 0.npz ...,
// whose arrays are the leaves of one tree in the order of its sorted keys. Each shard holds a part
// of every leaf.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor_view.h"

namespace gptj {

struct LeafPart {
  TensorView array;
  std::shared_ptr<const MappedFile> file;
};

// One part for each shard, alike in shape and type.
using Leaf = std::vector<LeafPart>;

struct MeshLeaves {
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::vector<Leaf> leaves;
};

// Reads the headers of all arrays in `step`. Throws kBadFile if the shards do not fit together;
// kNotFound if one of the numbered folders or files is missing.
MeshLeaves read_mesh_leaves(const std::string& step);

}  // namespace gptj
