// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/mesh_leaves.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/check.h"
#include "base/file_kind.h"
#include "checkpoint/checkpoint_files.h"
#include "formats/npy.h"
#include "formats/zip.h"

namespace gptj {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxShards = 1024, kMaxFiles = 1024;

bool is_numbered(std::string name, std::string_view begin, std::string_view end) {
  if (!name.starts_with(begin) || !name.ends_with(end)) return false;
  if (name.size() <= begin.size() + end.size()) return false;
  name = name.substr(begin.size(), name.size() - begin.size() - end.size());
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Returns the number of entries begin0end, begin1end ... in the folder, at most `limit`. Throws
// kNotFound if there is none or one between is missing.
size_t count_numbered(const std::string& folder, std::string_view begin, std::string_view end,
                      size_t limit) {
  std::error_code error;
  size_t n = 0;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (is_numbered(entry->path().filename().string(), begin, end)) ++n;
  }
  check(!error, ErrorCode::kIo, folder, ": cannot list: ", error.message());
  check(n > 0 && n <= limit, n == 0 ? ErrorCode::kNotFound : ErrorCode::kUnsupported, folder,
        ": expected 1 to ", limit, " of ", begin, "0", end, ", ", begin, "1", end, " ..., found ",
        n);
  for (size_t i = 0; i < n; ++i) {
    const std::string path = beside(folder, concat(begin, i, end).c_str());
    check(is_there(path), ErrorCode::kNotFound, path, ": missing; ", n, " such are there");
  }
  return n;
}

void check_archive(const MappedFile& file) {
  if (is_zip(file.bytes())) return;
  const std::string other = recognise_file(file.bytes());
  fail(ErrorCode::kBadFile, concat(file.path(), ": expected a zip archive of NumPy arrays, found ",
                                   other.empty() ? "another file" : other));
}

std::vector<LeafPart> read_shard(const std::string& folder, size_t n_files, MeshLeaves& found) {
  std::vector<LeafPart> parts;
  for (size_t i = 0; i < n_files; ++i) {
    const auto file = std::make_shared<const MappedFile>(beside(folder, concat(i, ".npz").c_str()));
    check_archive(*file);
    found.files.push_back(file);
    for (TensorView& array : read_npz(file->bytes(), file->path())) {
      parts.push_back({std::move(array), file});
    }
  }
  return parts;
}

void check_alike(const LeafPart& first, const LeafPart& other, size_t place) {
  check(first.array.shape == other.array.shape && first.array.type == other.array.type,
        ErrorCode::kBadFile, other.file->path(), ": array ", place, " of the shard: expected ",
        dtype_name(first.array.type), " ", shape_text(first.array.shape), " as in ",
        first.file->path(), ", found ", dtype_name(other.array.type), " ",
        shape_text(other.array.shape));
}

}  // namespace

MeshLeaves read_mesh_leaves(const std::string& step) {
  MeshLeaves found;
  const size_t n_shards = count_numbered(step, "shard_", "", kMaxShards);
  size_t n_files = 0;
  for (size_t shard = 0; shard < n_shards; ++shard) {
    const std::string folder = beside(step, concat("shard_", shard).c_str());
    const size_t n = count_numbered(folder, "", ".npz", kMaxFiles);
    if (shard == 0) n_files = n;
    check(n == n_files, ErrorCode::kBadFile, folder, ": expected ", n_files,
          " files as in shard_0, found ", n, "; is the download complete?");
    const std::vector<LeafPart> parts = read_shard(folder, n_files, found);
    if (shard == 0) found.leaves.resize(parts.size());
    check(parts.size() == found.leaves.size(), ErrorCode::kBadFile, folder, ": expected ",
          found.leaves.size(), " arrays as in shard_0, found ", parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      found.leaves[i].push_back(parts[i]);
      check_alike(found.leaves[i].front(), parts[i], i);
    }
  }
  return found;
}

}  // namespace gptj
