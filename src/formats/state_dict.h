// SPDX-License-Identifier: Apache-2.0
// What torch.save pickles for a state_dict of tensors.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/pickle.h"
#include "tensor/tensor_view.h"

namespace gptj {

// A storage as the pickle names it.
struct StorageId {
  std::string key;
  DType type = DType::kF32;
  uint64_t elements = 0;
};

// A tensor as the pickle describes it: a view of a storage that is elsewhere. Nothing is proved but
// that shape and strides are of one length.
struct TensorDescription {
  std::string name;
  StorageId storage;
  uint64_t offset = 0;  // this and the strides in elements
  std::vector<uint64_t> shape, strides;
};

// The globals that such a pickle may name.
std::span<const std::string_view> state_dict_globals();

// The tensors in the order of the pickle, no two of one name. Throws kBadFile; kUnsupported where
// it holds anything else.
std::vector<TensorDescription> read_state_dict(const PickleValue& root, const std::string& path);

}  // namespace gptj
