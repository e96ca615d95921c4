// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gptj {

// A file that appears whole or not at all: written as `path`.partial in the same folder, then
// renamed. Until commit() whatever had the name stays; without it the partial file is removed.
// One thread at a time. All throw kIo.
class AtomicFile {
 public:
  // kIo also where another process is writing the same file.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // The name while it is being written.
  const std::string& partial_path() const { return partial_; }

  void write_at(uint64_t offset, std::span<const std::byte> bytes);
  // Everything written is on disk afterwards, under its own name.
  void commit();

 private:
  std::string path_, partial_;
  int descriptor_ = -1;
  bool committed_ = false;
};

// Bytes free for new files in the folder where `path` lies or would lie. Throws kIo.
uint64_t free_disk_space(const std::string& path);

}  // namespace gptj
