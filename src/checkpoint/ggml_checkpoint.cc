// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/ggml_checkpoint.h"

#include <algorithm>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "checkpoint/config.h"
#include "checkpoint/matrix_rows.h"
#include "checkpoint/tensor_names.h"
#include "formats/ggml.h"

namespace gptj {
namespace {

// The sizes in the header: n_vocab, n_ctx, n_embd, n_head, n_layer, n_rot and the type of the file.
constexpr size_t kSizes = 7;

// Matrices that converters of early 2023 stored transposed: in a file either all of them are
// transposed or none.
constexpr const char* kTransposed[] = {".attn.q_proj.weight", ".attn.k_proj.weight",
                                       ".attn.v_proj.weight", ".attn.out_proj.weight",
                                       ".mlp.fc_in.weight"};

// Returns the tensor of this canonical name, or null.
const GgmlTensor* find(const GgmlFile& file, const std::string& canonical) {
  const auto found = std::find_if(
      file.tensors.begin(), file.tensors.end(),
      [&](const GgmlTensor& tensor) { return canonical_name(tensor.name) == canonical; });
  return found == file.tensors.end() ? nullptr : &*found;
}

// Returns the config of the header. n_inner is not in the header, so it is the length of the bias
// of fc_in.
ModelConfig config_of(const GgmlFile& file, const std::string& where) {
  ModelConfig config;
  config.vocab_size = file.sizes[0];
  config.n_positions = file.sizes[1];
  config.n_embd = file.sizes[2];
  config.n_head = file.sizes[3];
  config.n_layer = file.sizes[4];
  config.rotary_dim = file.sizes[5];
  config.n_inner = 4 * config.n_embd;
  const GgmlTensor* bias = find(file, layer_tensor_name(0, "mlp.fc_in.bias"));
  if (bias != nullptr) config.n_inner = static_cast<int64_t>(bias->shape.back());
  config.layer_norm_epsilon = 1e-5f;
  adopt_end_of_text(config);
  check_config(config, ErrorCode::kBadFile, where + ": not a GPT-J's header?");
  return config;
}

// Returns whether the matrices of kTransposed are stored transposed. Only fc_in shows it, because
// it is the only one that is not square: it is then [n_embd, n_inner]. If n_inner equals n_embd no
// shape shows it, but no converter that transposed wrote such a model.
bool is_transposed(const GgmlFile& file, const ModelConfig& config) {
  const GgmlTensor* fc_in = find(file, layer_tensor_name(0, "mlp.fc_in.weight"));
  const std::vector<uint64_t> turned = {static_cast<uint64_t>(config.n_embd),
                                        static_cast<uint64_t>(config.n_inner)};
  return config.n_inner != config.n_embd && fc_in != nullptr && fc_in->shape == turned;
}

bool is_one_of_transposed(const std::string& name) {
  return std::any_of(std::begin(kTransposed), std::end(kTransposed),
                     [&](const char* end) { return name.ends_with(end); });
}

// A matrix as the file holds it.
struct Stored {
  MappedMatrix matrix;
  GgmlType type;
  int quantization;
  uint64_t columns;
};

void write_floats(const Stored& stored, std::span<std::byte> out) {
  visit_rows(stored.matrix, [&](uint64_t first, std::span<const std::byte> rows) {
    const uint64_t n = rows.size() / stored.matrix.row_bytes() * stored.columns;
    float* begin = reinterpret_cast<float*>(out.data()) + first * stored.columns;
    dequantize_ggml(stored.type, stored.quantization, rows, {begin, n});
  });
}

void write_transposed_floats(const Stored& stored, std::span<std::byte> out) {
  AlignedBuffer<float> floats;
  visit_rows(stored.matrix, [&](uint64_t first, std::span<const std::byte> rows) {
    const uint64_t n = rows.size() / stored.matrix.row_bytes();
    if (floats.size() < n * stored.columns) floats = AlignedBuffer<float>(n * stored.columns);
    dequantize_ggml(stored.type, stored.quantization, rows,
                    floats.span().first(n * stored.columns));
    transpose(reinterpret_cast<const std::byte*>(floats.data()), n, stored.columns, sizeof(float),
              out.data() + first * sizeof(float), stored.matrix.rows);
  });
}

// Writes the transpose of an f32 or f16 matrix. Those that are not transposed are mapped.
void write_transposed(const Stored& stored, std::span<std::byte> out) {
  transpose(stored.matrix, stored.matrix.row_bytes() / stored.columns, out.data(),
            stored.matrix.rows);
}

CheckpointTensor stored_tensor(const GgmlTensor& tensor, int quantization, bool transposed,
                               const std::shared_ptr<const MappedFile>& file) {
  CheckpointTensor found;
  found.name = tensor.name;
  found.file = file->path();
  found.shape = tensor.shape;
  found.type = tensor.type == GgmlType::kF16 ? DType::kF16 : DType::kF32;
  found.quantized = is_quantized(tensor.type);
  if (transposed) std::reverse(found.shape.begin(), found.shape.end());
  if (!transposed && !found.quantized) {
    found.bytes = tensor.bytes;
    return found;
  }
  const uint64_t columns = tensor.shape.back();
  const uint64_t rows = found.size() / dtype_size(found.type) / columns;
  const Stored stored{{file, tensor.bytes, rows}, tensor.type, quantization, columns};
  const auto write = !found.quantized ? write_transposed
                     : transposed     ? write_transposed_floats
                                      : write_floats;
  found.make = [stored, write](std::span<std::byte> out) { write(stored, out); };
  return found;
}

}  // namespace

CheckpointFiles open_ggml_checkpoint(const std::string& folder, const std::string& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  GgmlFile ggml = read_ggml(file->bytes(), path, kSizes);
  CheckpointFiles found{folder, {file}, {}, config_of(ggml, path), std::move(ggml.vocabulary)};
  const bool turned = is_transposed(ggml, *found.config);
  for (const GgmlTensor& tensor : ggml.tensors) {
    const bool transposed = turned && tensor.shape.size() == 2 && is_one_of_transposed(tensor.name);
    found.tensors.push_back(stored_tensor(tensor, ggml.quantization, transposed, file));
  }
  return found;
}

}  // namespace gptj
