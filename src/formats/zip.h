// SPDX-License-Identifier: Apache-2.0
// Reads zip archives whose entries are not compressed, as PyTorch and NumPy write them, zip64
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

// Returns whether the file begins like an archive with at least one entry.
bool is_zip(std::span<const std::byte> file);

// Returns all entries, in the order of the central directory. The directory is proved against the
// local headers; no two entries overlap or have the same name. Names may be any text without a zero
// byte, including slashes and "..". Contents are not read, so their checksums are not compared.
// `where` begins every message. Throws kBadFile, and kUnsupported for compressed or encrypted
// entries.
std::vector<ZipEntry> read_zip(std::span<const std::byte> file, const std::string& where);

}  // namespace gptj
