// SPDX-License-Identifier: Apache-2.0
// Reads the value that torch.save pickles for a state_dict of tensors.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/pickle.h"
#include "tensor/tensor_view.h"

namespace gptj {

// A storage as the pickle describes it.
struct StorageId {
  std::string key;
  DType type = DType::kF32;
  uint64_t elements = 0;
};

// A tensor as the pickle describes it: a view of a storage that lies outside the pickle. Only one
// property is proved: shape and strides have the same length.
struct TensorDescription {
  std::string name;
  StorageId storage;
  uint64_t offset = 0;                   // in elements of the storage
  std::vector<uint64_t> shape, strides;  // strides in elements
};

// Returns the globals that the pickle of a state_dict may name.
std::span<const std::string_view> state_dict_globals();

// Returns the tensors in the order of the pickle, no two with the same name. `path` begins every
// message. Throws kBadFile, and kUnsupported if the pickle holds anything but a state_dict of
// tensors.
std::vector<TensorDescription> read_state_dict(const PickleValue& root, const std::string& path);

}  // namespace gptj
