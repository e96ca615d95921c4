// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint_files.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "base/check.h"
#include "base/file_kind.h"
#include "base/json.h"
#include "checkpoint/flax_checkpoint.h"
#include "checkpoint/ggml_checkpoint.h"
#include "checkpoint/mesh_checkpoint.h"
#include "formats/ggml.h"
#include "formats/msgpack.h"
#include "formats/pytorch.h"
#include "formats/safetensors.h"
#include "formats/weight_index.h"

namespace gptj {
namespace {

namespace fs = std::filesystem;

// The names that Hugging Face gives the weights of a folder, in the order of its preference.
constexpr const char* kWeights[] = {"model.safetensors", "model.safetensors.index.json",
                                    "pytorch_model.bin", "pytorch_model.bin.index.json",
                                    "flax_model.msgpack.index.json"};
constexpr std::string_view kIndexEnd = ".index.json";
constexpr const char* kOpens =
    "this version opens model.safetensors, pytorch_model.bin and flax_model.msgpack, or their "
    ".index.json with the shards, step_* of mesh-transformer-jax and legacy ggml files";
constexpr const char* kLora =
    "a LoRA adapter; merge it into its base model (merge_and_unload in PEFT) and save that";

// Formats of a single file of any name, besides safetensors and PyTorch, recognised by the first
// bytes.
struct Format {
  bool (*begins)(std::span<const std::byte> bytes);
  CheckpointFiles (*open)(const std::string& folder, const std::string& file);
};
constexpr Format kFormats[] = {
    {is_ggml, open_ggml_checkpoint},
    {is_msgpack_map, open_flax_checkpoint},
};

// Files that a folder without our files may hold instead, recognised by a part and the end of their
// names. The first match counts.
struct Other {
  const char* part;
  const char* end;
  ErrorCode code;
  const char* description;
};
constexpr Other kOthers[] = {
    {"", "adapter_model.safetensors", ErrorCode::kUnsupported, kLora},
    {"", "adapter_model.bin", ErrorCode::kUnsupported, kLora},
    {"", "adapter_config.json", ErrorCode::kUnsupported, kLora},
    {"-of-", ".safetensors", ErrorCode::kBadFile,
     "a shard without its model.safetensors.index.json"},
    {"-of-", ".bin", ErrorCode::kBadFile, "a shard without its pytorch_model.bin.index.json"},
    {"-of-", ".msgpack", ErrorCode::kBadFile, "a shard without its flax_model.msgpack.index.json"},
    {"", ".safetensors", ErrorCode::kUnsupported,
     "safetensors under another name; give its own path"},
    {"", ".index.json", ErrorCode::kUnsupported, "an index under another name; give its own path"},
    {"", ".bin", ErrorCode::kUnsupported, "weights under another name; give their own path"},
    {"", ".pt", ErrorCode::kUnsupported, "weights under another name; give their own path"},
    {"", ".h5", ErrorCode::kUnsupported, "TensorFlow weights; use pytorch_model.bin"},
    {"", ".msgpack", ErrorCode::kBadFile, "which does not begin as Flax weights do"},
    {"", ".ot", ErrorCode::kUnsupported, "rust-bert weights; use pytorch_model.bin"},
    {"", ".gguf", ErrorCode::kUnsupported,
     "GGUF weights; open the Hugging Face checkpoint that they were made from"},
    {"", "tokenizer.json", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "vocab.json", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "spiece.model", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "tokenizer.model", ErrorCode::kNotFound, "a tokenizer without weights"},
    {"", "config.json", ErrorCode::kNotFound, "a configuration without weights"},
};

// Returns the names of all entries of the folder. Throws kIo if it cannot be listed.
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

bool is_file(const std::string& path) {
  std::error_code unreadable;
  return fs::is_regular_file(path, unreadable);
}

// Returns whether the name is that of a shard: "X-00001-of-00002.Y".
bool is_shard(const std::string& name) { return name.find("-of-") != std::string::npos; }

bool is_lora(const std::string& name) { return name.starts_with("adapter_"); }

// Returns the format of kFormats that the file has; null if it has none of them.
const Format* format_of(const std::string& path) {
  const MappedFile file(path);
  if (is_safetensors(file.bytes()) || is_pytorch(file.bytes())) return nullptr;
  const auto found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                  [&](const Format& each) { return each.begins(file.bytes()); });
  return found == std::end(kFormats) ? nullptr : found;
}

// Returns the only file of the folder in one of kFormats; empty if there is none. Throws
// kInvalidArgument if there are several.
std::string only_file(const std::string& folder) {
  std::string only;
  for (const std::string& name : names_in(folder)) {
    const std::string path = beside(folder, name.c_str());
    if (is_shard(name) || !is_file(path) || format_of(path) == nullptr) continue;
    if (!only.empty()) {
      fail(ErrorCode::kInvalidArgument, concat(folder, ": holds the models ", base_name(only),
                                               " and ", name, "; give the path of one"));
    }
    only = path;
  }
  return only;
}

// Returns the only weights of a folder with a config.json, under a name that is not Hugging Face's,
// such as AutoGPTQ's gptq_model-4bit-128g.safetensors. Empty if there are none or several.
std::string only_weights(const std::string& folder) {
  if (!is_there(beside(folder, "config.json"))) return {};
  std::string only;
  for (const std::string& name : names_in(folder)) {
    const bool is_weights = name.ends_with(".safetensors") ||
                            (name.starts_with("gptq_model") && name.ends_with(".bin"));
    const std::string path = beside(folder, name.c_str());
    if (is_lora(name)) return {};
    if (!is_weights || is_shard(name) || !is_file(path)) continue;
    if (!only.empty()) return {};
    only = path;
  }
  return only;
}

// Returns what a file that is named as weights seems to hold instead; empty if it may hold weights.
std::string in_place_of_weights(const std::string& folder, const std::string& name) {
  const std::string path = beside(folder, name.c_str());
  if (name.ends_with(".json") || is_lora(name) || !is_file(path)) return {};
  const MappedFile file(path);
  return is_pytorch(file.bytes()) ? std::string() : recognise_file(file.bytes());
}

// Throws the error that describes a folder without weights.
[[noreturn]] void refuse_folder(const std::string& folder) {
  const std::set<std::string> names = names_in(folder);
  for (const Other& other : kOthers) {
    const auto name = std::find_if(names.begin(), names.end(), [&](const std::string& candidate) {
      return candidate.find(other.part) != std::string::npos && candidate.ends_with(other.end);
    });
    if (name == names.end()) continue;
    const std::string found =
        other.code == ErrorCode::kNotFound ? std::string() : in_place_of_weights(folder, *name);
    fail(other.code, concat(folder, ": found ", *name, ", ",
                            found.empty() ? other.description : found, "; ", kOpens));
  }
  fail(ErrorCode::kNotFound, concat(folder, ": no model in this folder; ", kOpens));
}

using Names = std::vector<std::string>;

// Each of these functions adds a file and its tensors to `found`, and returns the names of the
// tensors.
Names add_safetensors(const std::string& path, CheckpointFiles& found) {
  const SafetensorsFile file(path);
  Names names;
  found.files.push_back(file.mapping());
  for (const TensorView& tensor : file.tensors()) {
    found.tensors.push_back({tensor, path});
    names.push_back(tensor.name);
  }
  return names;
}

Names add_pytorch(const std::string& path, CheckpointFiles& found) {
  const PytorchFile file(path);
  Names names;
  found.files.push_back(file.mapping());
  for (const PytorchTensor& tensor : file.tensors()) {
    CheckpointTensor stored{tensor.view, path};
    if (!tensor.is_contiguous()) {
      stored.make = [tensor, map = file.mapping()](std::span<std::byte> out) {
        gather(tensor, out);
        map->drop(tensor.extent);
      };
    }
    found.tensors.push_back(std::move(stored));
    names.push_back(tensor.view.name);
  }
  return names;
}

Names add_weights(const std::string& path, CheckpointFiles& found) {
  const MappedFile file(path);
  if (is_safetensors(file.bytes()) || path.ends_with(".safetensors")) {
    return add_safetensors(path, found);
  }
  if (is_pytorch(file.bytes())) return add_pytorch(path, found);
  if (is_msgpack_map(file.bytes())) return add_flax(path, found);
  const std::string kind = recognise_file(file.bytes());
  fail(ErrorCode::kUnsupported, concat(path,
                                       ": expected a model's folder or a file of its weights, "
                                       "found ",
                                       kind.empty() ? "another file" : kind, "; ", kOpens));
}

CheckpointFiles open_weights(const std::string& folder, const std::string& path) {
  if (const Format* format = format_of(path)) return format->open(folder, path);
  CheckpointFiles found{folder, {}, {}};
  const auto add = [&](const std::string& file) { return add_weights(file, found); };
  if (path.ends_with(kIndexEnd)) {
    open_shards(path, add);
  } else {
    add(path);
  }
  return found;
}

CheckpointFiles open_folder(const std::string& given) {
  const std::string folder = resolve_hub_cache(given);
  for (const char* name : kWeights) {
    if (is_there(beside(folder, name))) return open_weights(folder, beside(folder, name));
  }
  const std::string step = find_mesh_step(folder);
  if (!step.empty()) return open_mesh_checkpoint(step);
  const std::string only = only_file(folder);
  if (!only.empty()) return open_weights(folder, only);
  const std::string weights = only_weights(folder);
  if (!weights.empty()) return open_weights(folder, weights);
  refuse_folder(folder);
}

// Returns the path of the index of a shard, "X.Y.index.json" for "X-00001-of-00002.Y"; empty if
// `path` is no shard or no index lies beside it.
std::string index_of_shard(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const size_t number = name.find("-of-");
  const size_t begin = number == std::string::npos ? number : name.rfind('-', number - 1);
  if (begin == std::string::npos) return {};
  const std::string index =
      name.substr(0, begin) + fs::path(name).extension().string() + std::string(kIndexEnd);
  const std::string index_path = fs::path(path).replace_filename(index).string();
  return is_there(index_path) ? index_path : std::string();
}

CheckpointFiles open_file(const std::string& file) {
  const fs::path parent = fs::path(file).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const bool beside_lora =
      is_there(beside(folder, "adapter_config.json")) && !is_there(beside(folder, "config.json"));
  check(!is_lora(base_name(file)) && !beside_lora, ErrorCode::kUnsupported, file, ": ", kLora);
  const std::string index = index_of_shard(file);
  return open_weights(folder, index.empty() ? file : index);
}

}  // namespace

// refs/main names the commit. It is missing if only another revision was downloaded; then there
// must be one snapshot.
std::string resolve_hub_cache(const std::string& folder) {
  const fs::path snapshots = fs::path(folder) / "snapshots";
  std::error_code ignored;
  if (!fs::is_directory(snapshots, ignored) || is_there(beside(folder, "config.json"))) {
    return folder;
  }
  const std::string ref = beside(folder, "refs/main");
  if (is_file(ref)) {
    std::string commit = read_text_file(ref, 4096);
    while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) {
      commit.pop_back();
    }
    const bool is_name =
        !commit.empty() && commit.find('/') == std::string::npos && commit[0] != '.';
    const std::string snapshot = is_name ? (snapshots / commit).string() : std::string();
    check(is_name && is_there(snapshot), ErrorCode::kNotFound, ref,
          ": expected the name of a folder in snapshots, found ", lazy_excerpt(commit),
          "; the download is not complete");
    return snapshot;
  }
  const std::set<std::string> names = names_in(snapshots.string());
  check(names.size() == 1, ErrorCode::kNotFound, folder,
        ": expected refs/main or one snapshot in this folder of the Hub's cache, found ",
        names.size(), "; give the path of one of its snapshots");
  return (snapshots / *names.begin()).string();
}

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
  std::error_code gone;  // the working folder may have been removed: then the path as it is
  fs::path absolute = fs::absolute(path, gone);
  if (gone) absolute = path;
  absolute = absolute.lexically_normal();
  const fs::path name = absolute.filename();
  return (name.empty() ? absolute.parent_path().filename() : name).string();
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

}  // namespace gptj
