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

// The declaration of a tensor that will be written.
struct TensorDeclaration {
  std::string name;
  DType type = DType::kF32;
  std::vector<uint64_t> shape;

  uint64_t bytes() const;
};

// Writes one safetensors file, tensor by tensor. The data begin at a multiple of 4096. The header
// is written last, so that a part of a file is never taken for a whole one. Throws kIo, and
// kUnsupported for metadata that are not UTF-8.
class SafetensorsWriter {
 public:
  using Metadata = std::map<std::string, std::string>;

  // Creates the file. The header gets room for the metadata and `spare` bytes more, for metadata
  // that are known only later. Throws kIo also if the disk has too little space.
  SafetensorsWriter(const std::string& path, std::vector<TensorDeclaration> tensors,
                    Metadata metadata, size_t spare);

  uint64_t file_bytes() const;
  const std::string& partial_path() const { return file_.partial_path(); }

  // Appends bytes of the tensors, in the order declared, in pieces of any size.
  void write(std::span<const std::byte> bytes);
  // Writes the header; the partial file is then whole. All bytes of the tensors must have been
  // written. May be called again after the metadata have changed.
  void write_header();
  // Returns the bytes that write_header() writes: all bytes of the file in front of the tensors.
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
