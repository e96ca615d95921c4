// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace gptj {

// Returns whether the bytes begin like a msgpack map with text keys, the form in which Flax saves
// parameters.
bool is_msgpack_map(std::span<const std::byte> bytes);

// Returns the arrays of a tree of maps that Flax wrote, in the order of the file. An array's name
// is the keys on the way to it, with '/' between. Its bytes may begin at any address, and are valid
// as long as `bytes`. Only the tree is read, none of the arrays' contents. `where` (a path) begins
// every message. Throws kBadFile, and kUnsupported for leaves that are no arrays and for arrays
// that Flax cut into chunks, as it does above 1 GiB.
std::vector<TensorView> read_flax_arrays(std::span<const std::byte> bytes,
                                         const std::string& where);

}  // namespace gptj
