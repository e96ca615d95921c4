// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace gptj {

// Whether they begin like a msgpack map of named things, as Flax saves its parameters.
bool is_msgpack_map(std::span<const std::byte> bytes);

// The arrays of a tree of maps that Flax wrote, in the order of the file. Their names are the keys
// on the way to them, with '/' between; their bytes may begin at any address. Only the tree is
// read, none of the arrays. `where` (a path) begins every message. Throws kBadFile; kUnsupported
// for leaves that are no arrays, and for arrays that Flax cut into chunks, as it does above 1 GiB.
std::vector<TensorView> read_flax_arrays(std::span<const std::byte> bytes,
                                         const std::string& where);

}  // namespace gptj
