// SPDX-License-Identifier: Apache-2.0
// Reads files of torch.save that hold a state_dict: a zip archive, or before PyTorch 1.6 pickles
// followed by the storages.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor_view.h"

namespace gptj {

// A tensor of PyTorch: a view of a storage, which other tensors may share.
struct PytorchTensor {
  // `bytes` are the tensor's bytes if its elements lie in row-major order, else none.
  TensorView view;
  // If not in row-major order: the bytes from the tensor's first element to its last, and the
  // strides in elements. Else empty.
  std::span<const std::byte> extent = {};
  std::vector<uint64_t> strides = {};

  bool is_contiguous() const { return strides.empty(); }
};

// Writes the elements of a tensor that is not contiguous in row-major order to `out`, which has
// exactly their size.
void gather(const PytorchTensor& tensor, std::span<std::byte> out);

// Returns whether the file begins like a file of torch.save: an archive, or a pickle.
bool is_pytorch(std::span<const std::byte> file);

// One mapped file. The constructor proves the whole file except the storages' contents: every
// tensor lies inside its storage, and no tensor has more bytes than the file. The pickle is read as
// data (pickle.h); nothing in it is run. Throws kNotFound, kIo, kBadFile, and kUnsupported for a
// file that is no state_dict of plain tensors. Copies share the map.
class PytorchFile {
 public:
  explicit PytorchFile(const std::string& path);

  const std::string& path() const { return file_->path(); }
  // Returns the tensors in the order of the state_dict. Tensors may begin at any address: read them
  // with memcpy. They are valid as long as mapping().
  std::span<const PytorchTensor> tensors() const { return tensors_; }
  // Returns the map, which keeps the tensors valid beyond this object.
  const std::shared_ptr<const MappedFile>& mapping() const { return file_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<PytorchTensor> tensors_;
};

}  // namespace gptj
