// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "tensor/tensor_view.h"

namespace gptj {

// A tensor of a file to be written.
struct TensorDeclaration {
  std::string name;
  DType type = DType::kF32;
  std::vector<uint64_t> shape;

  uint64_t bytes() const;
};

// Writes one safetensors file, tensor by tensor. Data begin at a multiple of 4096; the header comes
// last, so that a part of a file is never taken for a whole one. Throws kIo; kUnsupported for
// metadata that are not UTF-8.
class SafetensorsWriter {
 public:
  using Metadata = std::map<std::string, std::string>;

  // The header has room for the metadata and `spare` bytes more, for what is known only later.
  SafetensorsWriter(const std::string& path, std::vector<TensorDeclaration> tensors,
                    Metadata metadata, size_t spare);

  uint64_t file_bytes() const;
  const std::string& partial_path() const { return file_.partial_path(); }

  // The tensors' bytes in the order declared, in pieces of any size.
  void write(std::span<const std::byte> bytes);
  // Puts the header; the partial file is then whole. All bytes must have been written. May be
  // called again after the metadata have changed.
  void write_header();
  // What write_header() puts: the file's bytes in front of the tensors'.
  std::string header_block() const;
  void set_metadata(const std::string& key, const std::string& value);
  void commit() { file_.commit(); }

 private:
  std::string header() const;

  std::string path_;
  std::vector<TensorDeclaration> tensors_;
  Metadata metadata_;
  uint64_t data_begin_ = 0, data_bytes_ = 0, written_ = 0;
  AtomicFile file_;
};

}  // namespace gptj
