// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gptj {

// A file that is mapped read-only for as long as the object lives. Move-only.
class MappedFile {
 public:
  // Maps the file. Throws kNotFound, kIo, and kBadFile for a folder or a device.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Returns whether all of `range` lies inside bytes().
  bool owns(std::span<const std::byte> range) const;

  // Tells the system that `range` (inside bytes()) will not be read again soon, so that a file
  // larger than memory can be read through its map. Reading the range again stays correct.
  void drop(std::span<const std::byte> range) const;

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Returns the whole file as text. The file is read and not mapped, so that a file that shrinks
// meanwhile gives a shorter text and not SIGBUS. Throws as MappedFile does, and kBadFile if the
// file exceeds `limit` bytes.
std::string read_text_file(const std::string& path, size_t limit);

}  // namespace gptj
