// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace gptj {

// A member of a zip archive.
struct ZipEntry {
  std::string name;
  std::span<const std::byte> bytes;  // in the archive, at any address
};

// The members of an archive that stores them as they are (method 0, zip64 or not), in the order of
// its directory. Proves the directory against each member's own header, and that no two overlap;
// the checksums, which would take reading all of it, are not looked at. `where` (a path) begins
// every message. Throws kBadFile; kUnsupported for compressed or encrypted members.
std::vector<ZipEntry> read_zip(std::span<const std::byte> file, const std::string& where);

}  // namespace gptj
