// SPDX-License-Identifier: Apache-2.0
#include "formats/weight_index.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/json.h"
#include "base/mapped_file.h"

namespace gptj {
namespace {

using WeightMap = std::map<std::string, std::string>;  // tensor -> shard

constexpr size_t kMaxIndex = 100'000'000;

// Returns whether a shard's name is that of a file in the index's folder. Other names are refused,
// because they could be any file of the machine.
bool is_plain_name(const std::string& name) {
  const auto is_plain = [](unsigned char c) { return c >= 0x20 && c != '/' && c != '\\'; };
  return !name.empty() && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), is_plain);
}

WeightMap read_weight_map(const std::string& path) {
  const Json index =
      parse_json_object(read_text_file(path, kMaxIndex), path, DuplicateKeys::kRefused);
  const auto map = index.find("weight_map");
  check(map != index.end() && map->is_object() && !map->empty(), ErrorCode::kBadFile, path,
        ": weight_map: expected an object from tensor to shard, found ",
        map == index.end() ? "nothing" : json_excerpt(*map));
  WeightMap shard_of;
  for (const auto& [tensor, shard] : map->items()) {
    check(shard.is_string() && is_plain_name(shard.get_ref<const std::string&>()),
          ErrorCode::kBadFile, path, ": weight_map: ", lazy_excerpt(tensor),
          ": expected the name of a file beside the index, found ", lazy_excerpt(shard));
    shard_of[tensor] = shard.get<std::string>();
  }
  return shard_of;
}

// Removes the shard's tensors from `missing`. Throws kBadFile if the index does not place one of
// them in this shard.
void check_shard(const std::string& path, const std::vector<std::string>& tensors,
                 const WeightMap& shard_of, std::set<std::string>& missing) {
  const std::string shard = std::filesystem::path(path).filename().string();
  for (const std::string& tensor : tensors) {
    const auto found = shard_of.find(tensor);
    check(found != shard_of.end(), ErrorCode::kBadFile, path, ": tensor ", lazy_excerpt(tensor),
          " is not in the index");
    check(found->second == shard, ErrorCode::kBadFile, path, ": tensor ", lazy_excerpt(tensor),
          " should be in ", found->second, ", as the index says");
    missing.erase(tensor);
  }
}

}  // namespace

void open_shards(const std::string& index_path, const OpenShard& open) {
  const WeightMap shard_of = read_weight_map(index_path);
  std::set<std::string> missing, shards;
  for (const auto& [tensor, shard] : shard_of) {
    missing.insert(tensor);
    shards.insert(shard);
  }
  for (const std::string& shard : shards) {
    const std::string path = std::filesystem::path(index_path).replace_filename(shard).string();
    std::error_code unreadable;  // ignored here, because opening the file reports the error better
    check(std::filesystem::exists(path, unreadable) || unreadable, ErrorCode::kNotFound, path,
          ": missing; ", index_path, " names ", shards.size(), " shards, this among them");
    check_shard(path, open(path), shard_of, missing);
  }
  check(missing.empty(), ErrorCode::kBadFile, index_path, ": tensor ",
        missing.empty() ? "" : json_excerpt(*missing.begin()), " is not in ",
        missing.empty() ? "" : shard_of.at(*missing.begin()), ", as the index says (",
        missing.size(), " such)");
}

}  // namespace gptj
