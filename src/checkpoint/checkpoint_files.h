// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint_tensor.h"
#include "gptj/checkpoint.h"

namespace gptj {

// A checkpoint as the reader of its format found it: proved against the files, not yet against the
// shape of a GPT-J.
struct CheckpointFiles {
  std::string folder;  // the folder of config.json and the tokenizer
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::vector<CheckpointTensor> tensors;          // by Hugging Face's names
  std::optional<ModelConfig> config = {};         // if the format holds it; else in config.json
  std::vector<std::string_view> vocabulary = {};  // the bytes of every id, if the format lists them
};

// Finds and opens the weights that `path` means.
// In a folder the first of these counts, as for Hugging Face: model.safetensors, its index,
// pytorch_model.bin, its index; without them the only model under another name counts. A file is
// judged by its content: it is weights, an index, or a shard with its index beside it.
// Throws kUnsupported or kNotFound if a folder holds something else, and says what it holds.
CheckpointFiles open_checkpoint_files(const std::string& path);

// Returns the snapshot folder if `folder` is one of the Hub's cache ("models--org--name"), and else
// `folder` as it is. Throws kNotFound if the cache has no snapshot, or has several without
// refs/main.
std::string resolve_hub_cache(const std::string& folder);

// Returns the path of `name` in `folder`.
std::string beside(const std::string& folder, const char* name);

// Returns the last name of a path: "gpt-j-6b" for "models/gpt-j-6b/".
std::string base_name(const std::string& path);

// Returns whether the path names anything. A link to nowhere counts as there, because the error of
// opening it then says what is wrong.
bool is_there(const std::string& path);

}  // namespace gptj
