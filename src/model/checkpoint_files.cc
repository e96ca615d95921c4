// SPDX-License-Identifier: Apache-2.0
#include "model/checkpoint_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/check.h"
#include "formats/file_kind.h"
#include "formats/ggml.h"
#include "formats/msgpack.h"
#include "formats/safetensors.h"
#include "formats/safetensors_index.h"
#include "model/flax_checkpoint.h"
#include "model/ggml_checkpoint.h"
#include "model/mesh_checkpoint.h"

namespace gptj {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kOpens =
    "this version opens model.safetensors, model.safetensors.index.json with its shards, "
    "step_* of mesh-transformer-jax, flax_model.msgpack or a legacy ggml file";

// Formats of a single file of any name, told by how it begins.
struct Format {
  bool (*begins)(std::span<const std::byte> bytes);
  CheckpointFiles (*open)(const std::string& folder, const std::string& file);
};
constexpr Format kFormats[] = {
    {is_ggml, open_ggml_checkpoint},
    {is_msgpack_map, open_flax_checkpoint},
};

// What a folder without our files may hold instead, by a part of a name and its end; the first
// match counts.
struct Other {
  const char* part;
  const char* end;
  ErrorCode code;
  const char* description;
};
constexpr Other kOthers[] = {
    {"", "adapter_model.safetensors", ErrorCode::kUnsupported,
     "a LoRA adapter; merge it into its base model (merge_and_unload in PEFT) and save that"},
    {"-of-", ".safetensors", ErrorCode::kBadFile,
     "a shard without its model.safetensors.index.json"},
    {"", ".safetensors", ErrorCode::kUnsupported,
     "safetensors under another name; give its own path"},
    {"", ".bin.index.json", ErrorCode::kUnsupported, "PyTorch weights"},
    {"", ".bin", ErrorCode::kUnsupported, "PyTorch or ggml weights"},
    {"", ".pt", ErrorCode::kUnsupported, "PyTorch weights"},
    {"", ".h5", ErrorCode::kUnsupported, "TensorFlow weights"},
    {"", ".msgpack.index.json", ErrorCode::kUnsupported, "sharded Flax weights"},
    {"", ".msgpack", ErrorCode::kBadFile, "which does not begin as Flax weights do"},
    {"", ".ot", ErrorCode::kUnsupported, "rust-bert weights"},
    {"", ".gguf", ErrorCode::kUnsupported, "GGUF weights"},
    {"", "tokenizer.json", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "vocab.json", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "spiece.model", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "tokenizer.model", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "config.json", ErrorCode::kNotFound, "a configuration without weights"},
};

std::set<std::string> names_in(const std::string& folder) {
  std::error_code error;
  std::set<std::string> names;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  check(!error, ErrorCode::kIo, folder, ": cannot list: ", error.message());
  return names;
}

const Format* format_of(const std::string& path) {
  const MappedFile file(path);
  const auto found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                  [&](const Format& each) { return each.begins(file.bytes()); });
  return found == std::end(kFormats) ? nullptr : found;
}

// The one file of the folder that has a format of kFormats; empty where there is none.
std::string only_file(const std::string& folder) {
  std::string only;
  for (const std::string& name : names_in(folder)) {
    const std::string path = beside(folder, name.c_str());
    std::error_code unreadable;
    if (!fs::is_regular_file(path, unreadable) || format_of(path) == nullptr) continue;
    if (!only.empty()) {
      fail(ErrorCode::kInvalidArgument, concat(folder, ": holds the models ", base_name(only),
                                               " and ", name, "; give the path of one"));
    }
    only = path;
  }
  return only;
}

[[noreturn]] void refuse_folder(const std::string& folder) {
  const std::set<std::string> names = names_in(folder);
  for (const Other& other : kOthers) {
    const auto name = std::find_if(names.begin(), names.end(), [&](const std::string& candidate) {
      return candidate.find(other.part) != std::string::npos && candidate.ends_with(other.end);
    });
    if (name == names.end()) continue;
    fail(other.code, concat(folder, ": found ", *name, ", ", other.description, "; ", kOpens));
  }
  fail(ErrorCode::kNotFound, concat(folder, ": no model in this folder; ", kOpens));
}

CheckpointFiles of_safetensors(const std::string& folder, std::span<const SafetensorsFile> files) {
  CheckpointFiles found{folder, {}, {}};
  for (const SafetensorsFile& file : files) {
    found.files.push_back(file.mapping());
    for (const TensorView& tensor : file.tensors()) found.tensors.push_back({tensor, file.path()});
  }
  return found;
}

CheckpointFiles open_single(const std::string& folder, const std::string& file) {
  return of_safetensors(folder, std::array{SafetensorsFile(file)});
}

CheckpointFiles open_shards(const std::string& folder) {
  return of_safetensors(folder, open_safetensors_shards(beside(folder, kIndex)));
}

CheckpointFiles open_folder(const std::string& folder) {
  const std::string single = beside(folder, kSingle);
  if (is_there(single)) return open_single(folder, single);
  if (is_there(beside(folder, kIndex))) return open_shards(folder);
  const std::string step = find_mesh_step(folder);
  if (!step.empty()) return open_mesh_checkpoint(step);
  const std::string only = only_file(folder);
  if (!only.empty()) return format_of(only)->open(folder, only);
  refuse_folder(folder);
}

CheckpointFiles open_file(const std::string& file) {
  const std::string name = fs::path(file).filename().string();
  const fs::path parent = fs::path(file).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const bool is_shard = name == kIndex || name.find("-of-") != std::string::npos;
  if (is_shard && is_there(beside(folder, kIndex))) return open_shards(folder);
  if (name.ends_with(".safetensors")) return open_single(folder, file);
  if (const Format* format = format_of(file)) return format->open(folder, file);
  const char* kind = recognise_file(MappedFile(file).bytes());
  fail(ErrorCode::kUnsupported,
       concat(file,
              ": expected a model's folder, a .safetensors, .msgpack or legacy ggml file, found ",
              kind == nullptr ? "another file" : kind));
}

}  // namespace

CheckpointFiles open_checkpoint_files(const std::string& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  check(type != fs::file_type::not_found, ErrorCode::kNotFound, path.empty() ? "\"\"" : path,
        ": no such file or folder");
  check(type != fs::file_type::none, ErrorCode::kIo, path, ": cannot open: ", error.message());
  return type == fs::file_type::directory ? open_folder(path) : open_file(path);
}

std::string beside(const std::string& folder, const char* name) {
  return (fs::path(folder) / name).string();
}

std::string base_name(const std::string& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  const fs::path name = absolute.filename();
  return (name.empty() ? absolute.parent_path().filename() : name).string();
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

}  // namespace gptj
