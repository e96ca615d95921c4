// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gptj {

// A file that appears whole or not at all. It is written as `path`.partial in the same folder, then
// renamed. An older file of that name stays until commit(). Without commit(), the destructor
// removes the partial file. One thread at a time. All functions throw kIo.
class AtomicFile {
 public:
  // Creates `path`.partial. Throws kIo also if another process is writing the same file.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Returns the file's name before commit().
  const std::string& partial_path() const { return partial_; }

  void write_at(uint64_t offset, std::span<const std::byte> bytes);
  // Flushes the file to disk and renames it to its own name.
  void commit();

 private:
  std::string path_, partial_;
  int descriptor_ = -1;
  bool committed_ = false;
};

// Returns the bytes free for new files in the folder where `path` lies or would lie. Throws kIo.
uint64_t free_disk_space(const std::string& path);

}  // namespace gptj
