// SPDX-License-Identifier: Apache-2.0
// Reads the safetensors format: eight bytes of header length (little-endian), the header as a JSON
// object, then the tensors' bytes without a gap.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor_view.h"

namespace gptj {

// One mapped file. The constructor proves the whole file: every view lies inside the file and has
// the size that its shape and type say. Throws kNotFound, kIo, kBadFile, and kUnsupported for a
// type such as F8_E4M3. Copies share the map.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_->path(); }
  uint64_t file_bytes() const { return file_->bytes().size(); }

  // Returns the tensors in the order of their bytes. The bytes may begin at any address, aligned to
  // their element or not: read them with memcpy. They are valid as long as mapping().
  std::span<const TensorView> tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // Returns the map, which keeps the views valid beyond this object.
  const std::shared_ptr<const MappedFile>& mapping() const { return file_; }
  // Gives back the pages of a tensor that was read (MappedFile::drop).
  void drop(const TensorView& tensor) const { file_->drop(tensor.bytes); }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace gptj
