// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/flax_checkpoint.h"

#include <algorithm>
#include <utility>

#include "checkpoint/matrix_rows.h"
#include "formats/msgpack.h"

namespace gptj {
namespace {

// Names that Flax gives to parameters that PyTorch calls weight.
constexpr const char* kKernel = "/kernel";
constexpr const char* kWeights[] = {kKernel, "/scale", "/embedding"};

// Returns "transformer.h.0.attn.q_proj.weight" for "transformer/h/0/attn/q_proj/kernel".
std::string hugging_face_name(std::string path) {
  for (const std::string end : kWeights) {
    if (path.ends_with(end)) path.replace(path.size() - end.size(), end.size(), "/weight");
  }
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

CheckpointTensor stored_tensor(const TensorView& array,
                               const std::shared_ptr<const MappedFile>& file) {
  CheckpointTensor found{array, file->path()};
  found.name = hugging_face_name(array.name);
  const size_t element = dtype_size(array.type);
  const bool is_matrix = array.shape.size() == 2 && !array.bytes.empty();
  if (!array.name.ends_with(kKernel) || !is_matrix || (element != 2 && element != 4)) return found;
  std::swap(found.shape[0], found.shape[1]);
  found.bytes = {};
  found.make = [matrix = MappedMatrix{file, array.bytes, array.shape[0]},
                element](std::span<std::byte> out) {
    transpose(matrix, element, out.data(), matrix.rows);
  };
  return found;
}

}  // namespace

std::vector<std::string> add_flax(const std::string& path, CheckpointFiles& found) {
  const auto file = std::make_shared<const MappedFile>(path);
  std::vector<std::string> paths;
  found.files.push_back(file);
  for (const TensorView& array : read_flax_arrays(file->bytes(), path)) {
    found.tensors.push_back(stored_tensor(array, file));
    paths.push_back(array.name);
  }
  return paths;
}

CheckpointFiles open_flax_checkpoint(const std::string& folder, const std::string& path) {
  CheckpointFiles found{folder, {}, {}};
  add_flax(path, found);
  return found;
}

}  // namespace gptj
