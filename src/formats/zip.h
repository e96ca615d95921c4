// SPDX-License-Identifier: Apache-2.0
// Zip archives whose entries are stored as they are, as PyTorch and NumPy write them, zip64
// included.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace gptj {

struct ZipEntry {
  std::string name;
  std::span<const std::byte> bytes;  // inside the file
};

// Whether the file begins as an archive with at least one entry does.
bool is_zip(std::span<const std::byte> file);

// Every entry, in the order of the central directory, which is proved against the local headers: no
// two entries overlap or have one name. Names may be any text without a zero byte, slashes and ".."
// included. `where` begins every message. Throws kBadFile; kUnsupported for compressed or encrypted
// entries. Contents are not read: their checksums are not compared.
std::vector<ZipEntry> read_zip(std::span<const std::byte> file, const std::string& where);

}  // namespace gptj
