// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/mesh_checkpoint.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/half.h"
#include "checkpoint/matrix_rows.h"
#include "checkpoint/mesh_config.h"
#include "checkpoint/mesh_leaves.h"
#include "checkpoint/tensor_names.h"
#include "gptj/tokenizer.h"

namespace gptj {
namespace {

namespace fs = std::filesystem;

// The ways in which the parts of the shards make a tensor. Matrices are [in, out] in the shards and
// are transposed.
enum class Join {
  kOutputs,  // each shard has some of the outputs
  kInputs,   // each shard has some of the inputs
  kVector,   // each shard has some of the elements
  kSum,      // the shards' vectors are added up
  kFirst,    // all shards have a copy; training lets copies drift, so the first one counts
};
using enum Join;

// The extents of one shard's part.
enum class Extent { kNone, kEmbd, kEmbdShare, kInnerShare, kVocabShare };
using enum Extent;

struct Spec {
  const char* name;
  Join join;
  Extent rows, columns;
};
// The leaves of a layer in the order of the tree's sorted keys. Modules are numbered in the order
// in which they were made: q, v, then k.
constexpr Spec kLayer[] = {
    {"attn.q_proj.weight", kOutputs, kEmbd, kEmbdShare},
    {"attn.v_proj.weight", kOutputs, kEmbd, kEmbdShare},
    {"attn.k_proj.weight", kOutputs, kEmbd, kEmbdShare},
    {"attn.out_proj.weight", kInputs, kEmbdShare, kEmbd},
    {"mlp.fc_in.bias", kVector, kInnerShare, kNone},
    {"mlp.fc_in.weight", kOutputs, kEmbd, kInnerShare},
    {"mlp.fc_out.bias", kSum, kEmbd, kNone},
    {"mlp.fc_out.weight", kInputs, kInnerShare, kEmbd},
    {"ln_1.bias", kFirst, kEmbd, kNone},
    {"ln_1.weight", kFirst, kEmbd, kNone},
};
constexpr Spec kAfterLayers[] = {
    {"lm_head.bias", kVector, kVocabShare, kNone},
    {"lm_head.weight", kOutputs, kEmbd, kVocabShare},
    {"ln_f.bias", kFirst, kEmbd, kNone},
    {"ln_f.weight", kFirst, kEmbd, kNone},
};
constexpr size_t kLayerLeaves = std::size(kLayer), kAfterLeaves = std::size(kAfterLayers);
constexpr size_t kFcInBias = 4;  // index in kLayer
// Leaves before the layers: the embedding's bias and matrix. Leaves after all others: the number of
// steps.
constexpr size_t kBeforeLeaves = 2, kStepLeaves = 1;

// Adds `n` elements of `type` at `from` to `sum`.
void add_to(float* sum, DType type, const std::byte* from, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (type == DType::kF32) {
      float value;
      std::memcpy(&value, from + i * sizeof value, sizeof value);
      sum[i] += value;
    } else {
      uint16_t bits;
      std::memcpy(&bits, from + i * sizeof bits, sizeof bits);
      sum[i] += type == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
    }
  }
}

std::vector<float> sum_of(const Leaf& leaf) {
  std::vector<float> sum(leaf[0].array.shape[0]);
  for (const LeafPart& part : leaf) {
    add_to(sum.data(), part.array.type, part.array.bytes.data(), sum.size());
  }
  return sum;
}

MappedMatrix matrix_of(const LeafPart& part) {
  return {part.file, part.array.bytes, part.array.shape[0]};
}

// Writes the shards' parts of a matrix [in, out] as rows of outputs: [out, in]. A shard's outputs
// become whole rows, its inputs become some columns of every row.
void write_matrix(const Leaf& leaf, Join join, std::span<std::byte> out) {
  const size_t element = dtype_size(leaf[0].array.type);
  const uint64_t in_share = leaf[0].array.shape[0], out_share = leaf[0].array.shape[1];
  const uint64_t columns = join == kInputs ? in_share * leaf.size() : in_share;
  const uint64_t step = join == kInputs ? in_share : out_share * columns;
  for (size_t s = 0; s < leaf.size(); ++s) {
    transpose(matrix_of(leaf[s]), element, out.data() + s * step * element, columns);
  }
}

void write_vector(const Leaf& leaf, std::span<std::byte> out) {
  for (const LeafPart& part : leaf) {
    std::memcpy(out.data(), part.array.bytes.data(), part.array.bytes.size());
    out = out.subspan(part.array.bytes.size());
  }
}

void write_sum(const Leaf& leaf, std::span<std::byte> out) {
  std::memcpy(out.data(), sum_of(leaf).data(), out.size());
}

// Writes the rows of all shards, and adds the bias of the embedding to each row.
void write_embedding(const Leaf& matrix, const Leaf& bias, std::span<std::byte> out) {
  const std::vector<float> sum = sum_of(bias);
  auto* at = reinterpret_cast<float*>(out.data());
  for (const LeafPart& part : matrix) {
    const MappedMatrix rows = matrix_of(part);
    visit_rows(rows, [&](uint64_t, std::span<const std::byte> visited) {
      const uint64_t row_bytes = rows.row_bytes();
      for (uint64_t begin = 0; begin < visited.size(); begin += row_bytes, at += sum.size()) {
        std::copy(sum.begin(), sum.end(), at);
        add_to(at, part.array.type, visited.data() + begin, sum.size());
      }
    });
  }
}

// The leaves of the tree, with their places found and their shapes checked.
class Tree {
 public:
  Tree(const std::string& step, std::vector<Leaf> leaves)
      : step_(step), leaves_(std::move(leaves)) {
    measure();
  }

  MeshSizes sizes() const {
    const auto n_shards = static_cast<uint64_t>(leaves_[0].size());
    return {n_layer_, extents_.embd, extents_.inner_share * n_shards,
            extents_.vocab_share * n_shards, n_shards};
  }

  std::vector<CheckpointTensor> tensors() const {
    std::vector<CheckpointTensor> found;
    found.push_back(embedding());
    size_t leaf = first_ + kBeforeLeaves;
    for (const int64_t layer : layers_in_order()) {
      for (const Spec& spec : kLayer) {
        found.push_back(tensor(leaves_[leaf++], spec, layer_tensor_name(layer, spec.name)));
      }
    }
    for (const Spec& spec : kAfterLayers) found.push_back(tensor(leaves_[leaf++], spec, spec.name));
    return found;
  }

 private:
  struct Extents {
    uint64_t embd = 0, embd_share = 0, inner_share = 0, vocab_share = 0;
  };

  // Finds the sizes and the first leaf of the parameters. Counts layers from the end, because an
  // optimizer's state may precede the parameters. The leaf before the first leaf of a layer is
  // either a vector, the last leaf of the layer before, or a matrix, the embedding.
  void measure() {
    need(kStepLeaves + kAfterLeaves + kBeforeLeaves);
    const TensorView& steps = leaves_.back()[0].array;
    check(steps.shape.size() <= 1 && (steps.type == DType::kI32 || steps.type == DType::kI64),
          ErrorCode::kBadFile, step_, ": expected the number of steps as the last array, found ",
          dtype_name(steps.type), " ", shape_text(steps.shape));
    const size_t after = leaves_.size() - kStepLeaves - kAfterLeaves;
    extents_.embd = vector_size(after + kAfterLeaves - 1);
    extents_.vocab_share = vector_size(after);
    const uint64_t n_shards = leaves_[0].size();
    check(extents_.embd % n_shards == 0, ErrorCode::kBadFile, step_, ": a width of ", extents_.embd,
          " does not divide by ", n_shards, " shards");
    extents_.embd_share = extents_.embd / n_shards;
    size_t at = after;
    while (at >= kLayerLeaves + kBeforeLeaves && leaves_[at - 1][0].array.shape.size() == 1) {
      at -= kLayerLeaves;
      ++n_layer_;
    }
    check(n_layer_ > 0 && at >= kBeforeLeaves, ErrorCode::kBadFile, step_,
          ": expected the leaves of a GPT-J, found ", leaves_.size(), " others");
    extents_.inner_share = vector_size(at + kFcInBias);
    first_ = at - kBeforeLeaves;
    check_leaf(first_, {"wte.bias", kSum, kEmbd, kNone});
    check_leaf(first_ + 1, {"wte.weight", kOutputs, kVocabShare, kEmbd});
    for (size_t i = at; i < after; ++i) check_leaf(i, kLayer[(i - at) % kLayerLeaves]);
    for (size_t i = 0; i < kAfterLeaves; ++i) check_leaf(after + i, kAfterLayers[i]);
  }

  void need(size_t n) const {
    check(leaves_.size() >= n, ErrorCode::kBadFile, step_, ": expected at least ", n,
          " arrays in a shard, found ", leaves_.size());
  }

  // Returns the length of a leaf that must be a vector. Throws kBadFile if it is none.
  uint64_t vector_size(size_t leaf) const {
    const TensorView& array = leaves_[leaf][0].array;
    check(array.shape.size() == 1 && array.shape[0] > 0, ErrorCode::kBadFile, step_, ": array ",
          leaf, " of ", leaves_.size(), ": expected a vector, found ", shape_text(array.shape));
    return array.shape[0];
  }

  uint64_t size_of(Extent extent) const {
    switch (extent) {
      case kEmbd: return extents_.embd;
      case kEmbdShare: return extents_.embd_share;
      case kInnerShare: return extents_.inner_share;
      default: return extents_.vocab_share;
    }
  }

  void check_leaf(size_t leaf, const Spec& spec) const {
    std::vector<uint64_t> shape = {size_of(spec.rows)};
    if (spec.columns != kNone) shape.push_back(size_of(spec.columns));
    const LeafPart& part = leaves_[leaf][0];
    check(part.array.shape == shape, ErrorCode::kBadFile, step_, ": array ", leaf, " of ",
          leaves_.size(), " (", spec.name, "): expected shape ", shape_text(shape), ", found ",
          shape_text(part.array.shape));
    const DType type = part.array.type;
    check(type == DType::kF32 || type == DType::kF16 || type == DType::kBF16,
          ErrorCode::kUnsupported, step_, ": array ", leaf, " of ", leaves_.size(), " (", spec.name,
          "): expected f32, f16 or bf16, found ", dtype_name(type));
  }

  // Returns the layers in the order of their leaves: keys sort as text, so layer 10 comes before
  // layer 2.
  std::vector<int64_t> layers_in_order() const {
    std::vector<int64_t> layers(n_layer_);
    std::iota(layers.begin(), layers.end(), 0);
    std::sort(layers.begin(), layers.end(),
              [](int64_t a, int64_t b) { return std::to_string(a) < std::to_string(b); });
    return layers;
  }

  static CheckpointTensor tensor(const Leaf& leaf, const Spec& spec, const std::string& name) {
    const LeafPart& first = leaf[0];
    CheckpointTensor found{{name, first.array.type, first.array.shape, {}}, first.file->path()};
    if (spec.join == kFirst) {
      found.bytes = first.array.bytes;
    } else if (spec.join == kSum) {
      found.type = DType::kF32;
      found.make = [leaf](std::span<std::byte> out) { write_sum(leaf, out); };
    } else if (spec.join == kVector) {
      found.shape[0] *= leaf.size();
      found.make = [leaf](std::span<std::byte> out) { write_vector(leaf, out); };
    } else {
      std::swap(found.shape[0], found.shape[1]);
      found.shape[spec.join == kInputs ? 1 : 0] *= leaf.size();
      found.make = [leaf, join = spec.join](std::span<std::byte> out) {
        write_matrix(leaf, join, out);
      };
    }
    return found;
  }

  CheckpointTensor embedding() const {
    const Leaf& bias = leaves_[first_];
    const Leaf& matrix = leaves_[first_ + 1];
    CheckpointTensor found{{"wte.weight", DType::kF32, matrix[0].array.shape, {}},
                           matrix[0].file->path()};
    found.shape[0] *= matrix.size();
    found.make = [bias, matrix](std::span<std::byte> out) { write_embedding(matrix, bias, out); };
    return found;
  }

  std::string step_;
  std::vector<Leaf> leaves_;
  Extents extents_;
  uint64_t n_layer_ = 0;
  size_t first_ = 0;  // index of the first leaf of the parameters
};

}  // namespace

std::string find_mesh_step(const std::string& folder) {
  if (is_there(beside(folder, "shard_0"))) return folder;
  std::string step;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().string();
    const bool is_step = entry->path().filename().string().starts_with("step_");
    if (!is_step || !is_there(beside(path, "shard_0"))) continue;
    if (!step.empty()) {
      fail(ErrorCode::kInvalidArgument, concat(folder, ": holds the checkpoints ", base_name(step),
                                               " and ", base_name(path), "; give the path of one"));
    }
    step = path;
  }
  return step;
}

std::string mesh_config_folder(const std::string& step) {
  const std::string above = (fs::path(step) / "..").lexically_normal().string();
  for (const std::string& folder : {step, above}) {
    if (is_there(beside(folder, "config.json"))) return folder;
  }
  return Tokenizer::found_in(above) && !Tokenizer::found_in(step) ? above : step;
}

CheckpointFiles open_mesh_checkpoint(const std::string& step) {
  MeshLeaves mesh = read_mesh_leaves(step);
  check(!mesh.leaves.empty(), ErrorCode::kBadFile, step, ": no arrays in its files");
  const Tree tree(step, std::move(mesh.leaves));
  const std::string folder = mesh_config_folder(step);
  return {folder, std::move(mesh.files), tree.tensors(), mesh_config(folder, step, tree.sizes())};
}

}  // namespace gptj
