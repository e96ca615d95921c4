// SPDX-License-Identifier: Apache-2.0
// Files of torch.save that hold a state_dict: a zip archive, or before PyTorch 1.6 pickles with the
// storages behind them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor_view.h"

namespace gptj {

// A tensor as PyTorch has it: a view of a storage, which other tensors may share.
struct PytorchTensor {
  // `bytes` are those of the tensor where its elements lie in row-major order; else none.
  TensorView view;
  // Otherwise: from the tensor's first element to its last, and the strides, in elements.
  std::span<const std::byte> extent = {};
  std::vector<uint64_t> strides = {};

  bool is_contiguous() const { return strides.empty(); }
};

// Writes the elements of a tensor that is not contiguous in row-major order to `out`, which has
// exactly their size.
void gather(const PytorchTensor& tensor, std::span<std::byte> out);

// Whether the file begins like one of torch.save's: an archive, or a pickle.
bool is_pytorch(std::span<const std::byte> file);

// One file, mapped. The constructor proves all of it but the storages' contents: every tensor then
// lies inside its storage, and no tensor has more bytes than the file. The pickle is data
// (pickle.h): nothing in it is run. Throws kNotFound, kIo, kBadFile; kUnsupported for what is no
// state_dict of plain tensors. Copies share the map.
class PytorchFile {
 public:
  explicit PytorchFile(const std::string& path);

  const std::string& path() const { return file_->path(); }
  // In the order of the state_dict. They begin at any address: read them with memcpy. They live as
  // long as mapping().
  std::span<const PytorchTensor> tensors() const { return tensors_; }
  const std::shared_ptr<const MappedFile>& mapping() const { return file_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<PytorchTensor> tensors_;
};

}  // namespace gptj
