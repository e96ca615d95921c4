// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/stored_tensor.h"
#include "gptj/checkpoint.h"

namespace gptj {

// A checkpoint as its format's reader found it: proved against the files, not yet against a GPT-J.
struct CheckpointFiles {
  std::string folder;  // where config.json lies, and the tokenizer
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::vector<StoredTensor> tensors;       // under Hugging Face's names
  std::optional<ModelConfig> config = {};  // where the format holds it; else config.json does
  std::vector<std::string_view> vocabulary =
      {};  // the bytes of every id, where the format notes them
};

// Finds and opens the weights that `path` means: a folder, of whose weights the first counts in the
// order model.safetensors, its index, pytorch_model.bin, its index, as for Hugging Face, else its
// only model under other names; or a file, judged by its content: weights, an index, or a shard
// with its index beside it. A folder that holds something else throws kUnsupported or kNotFound and
// says what it holds.
CheckpointFiles open_checkpoint_files(const std::string& path);

// Returns the snapshot that a folder of the Hub's cache ("models--org--name") means, and any other
// folder as it is. Throws kNotFound where the cache has none or several without refs/main.
std::string resolve_hub_cache(const std::string& folder);

// The path of `name` in `folder`.
std::string beside(const std::string& folder, const char* name);

// The last name of a path: "gpt-j-6b" of "models/gpt-j-6b/".
std::string base_name(const std::string& path);

// Whether the path names anything. A link to nowhere is there: opening it then says what is wrong.
bool is_there(const std::string& path);

}  // namespace gptj
