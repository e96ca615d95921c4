// SPDX-License-Identifier: Apache-2.0
#include "weights/packed_file.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/file_kind.h"
#include "base/json_fields.h"
#include "checkpoint/config.h"
#include "checkpoint/tensor_names.h"
#include "weights/weight_type.h"

namespace gptj {
namespace {

constexpr size_t kLine = 64;  // bytes

TensorDeclaration packed_tensor(const MatrixSpec& spec, const Packing& packing) {
  return {
      spec.name + ".packed", DType::kU8, {round_up(unpacked_matrix(spec, packing).bytes(), kLine)}};
}

// Calls f for every matrix, in the order in which a forward pass reads them.
template <class Function>
void for_each_matrix(const ModelConfig& config, const Function& f) {
  for (int64_t i = 0; i < config.n_layer; ++i) {
    for (const MatrixSpec& spec : layer_matrices(config, i)) f(spec);
  }
  f(head_matrix(config));
}

bool is_packed(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) &&
         is_safetensors(MappedFile(path).bytes());
}

}  // namespace

std::vector<TensorDeclaration> packed_tensors(const ModelConfig& config, const Packing& packing,
                                              Element embedding) {
  std::vector<TensorDeclaration> tensors;
  for_each_matrix(config,
                  [&](const MatrixSpec& m) { tensors.push_back(packed_tensor(m, packing)); });
  for (const TensorSpec& spec : tensor_specs(config)) {
    if (is_embedding(spec.name)) tensors.push_back({spec.name, dtype_of(embedding), spec.shape});
  }
  for (const TensorSpec& spec : tensor_specs(config)) {
    if (spec.shape.size() == 1) tensors.push_back({spec.name, DType::kF32, spec.shape});
  }
  return tensors;
}

std::shared_ptr<const PackedFile> PackedFile::open_if_packed(const std::string& path) {
  if (!is_packed(path)) return nullptr;
  auto file = std::make_shared<const SafetensorsFile>(path);
  if (file->metadata().count(packed::kLayout) == 0) return nullptr;
  const std::shared_ptr<PackedFile> packed_file(new PackedFile());
  packed_file->file_ = std::move(file);
  packed_file->read_metadata();
  packed_file->read_tokenizer_files();
  packed_file->check_tensors();
  return packed_file;
}

const std::string& PackedFile::metadata(const char* key) const {
  const auto found = file_->metadata().find(key);
  check(found != file_->metadata().end(), ErrorCode::kBadFile, file_->path(), ": metadata: ", key,
        " is missing");
  return found->second;
}

void PackedFile::read_metadata() {
  const std::string& path = file_->path();
  const std::string& version = metadata(packed::kLayout);
  check(version == packed::kLayoutVersion, ErrorCode::kUnsupported, path, ": ", packed::kLayout,
        ": expected ", packed::kLayoutVersion, ", found ", lazy_excerpt(version),
        "; convert the original model anew with this version");
  const auto type = [&](const char* key) {
    const std::string& name = metadata(key);
    const std::optional<WeightType> found = find_weight_type(name);
    check(found.has_value(), ErrorCode::kBadFile, path, ": ", key, ": expected ",
          weight_type_names(), ", found ", lazy_excerpt(name));
    return *found;
  };
  weight_type_ = type(packed::kWeights);
  packing_ = packing_of(weight_type_, type(packed::kHead));

  const std::string name = path + ": " + packed::kConfig;
  config_ = parse_config({metadata(packed::kConfig), name}, warnings_);
  drop_foreign_ids(config_, name, warnings_);
  if (file_->metadata().count(packed::kGenerationConfig) != 0) {
    const std::string defaults = path + ": " + packed::kGenerationConfig;
    generation_defaults_ =
        parse_generation_defaults(metadata(packed::kGenerationConfig), defaults, warnings_);
    adopt_generation_defaults(generation_defaults_, defaults, config_, warnings_);
  }
  for (const char* key : {packed::kSource, packed::kReport}) {
    parse_json_object(metadata(key), path + ": " + key, DuplicateKeys::kLastCounts);
  }
}

void PackedFile::read_tokenizer_files() {
  TokenizerFiles files{file_->path(), {}};
  for (const char* name : kTokenizerFiles) {
    const auto found = file_->metadata().find(name);
    if (found != file_->metadata().end()) files.texts.insert(*found);
  }
  if (!files.texts.empty()) tokenizer_files_ = std::move(files);
}

void PackedFile::check_tensors() const {
  const std::string& path = file_->path();
  const auto wte = std::find_if(file_->tensors().begin(), file_->tensors().end(),
                                [](const TensorView& t) { return is_embedding(t.name); });
  check(wte != file_->tensors().end(), ErrorCode::kBadFile, path, ": wte.weight is missing");
  const bool plain =
      wte->type == DType::kF32 || wte->type == DType::kF16 || wte->type == DType::kBF16;
  check(plain, ErrorCode::kBadFile, path, ": wte.weight: expected F32, F16 or BF16, found ",
        dtype_name(wte->type));
  const auto expected = packed_tensors(config_, packing_, element_of(*wte));
  for (const TensorDeclaration& e : expected) {
    const TensorView& t = tensor(e.name);
    check(t.type == e.type && t.shape == e.shape, ErrorCode::kBadFile, path, ": tensor ", e.name,
          ": expected ", dtype_name(e.type), " ", shape_text(e.shape), ", found ",
          dtype_name(t.type), " ", shape_text(t.shape));
    check(e.type != DType::kU8 || reinterpret_cast<uintptr_t>(t.bytes.data()) % kLine == 0,
          ErrorCode::kBadFile, path, ": tensor ", e.name,
          ": expected to begin at a multiple of 64 bytes in the file");
  }
  check(file_->tensors().size() == expected.size(), ErrorCode::kBadFile, path, ": expected ",
        expected.size(), " tensors, found ", file_->tensors().size());
}

const TensorView& PackedFile::tensor(const std::string& name) const {
  const auto tensors = file_->tensors();
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorView& t) { return t.name == name; });
  check(found != tensors.end(), ErrorCode::kBadFile, file_->path(), ": tensor ", name,
        " is missing");
  return *found;
}

EmbeddingStorage PackedFile::embedding() const {
  return {element_of(tensor("wte.weight")), /*mapped=*/true};
}

AlignedBuffer<float> PackedFile::vector(const std::string& name, size_t pad_to) const {
  return widened_vector(tensor(name), pad_to);
}

LayerNorm PackedFile::layer_norm(const std::string& name) const {
  return {vector(name + ".weight"), vector(name + ".bias")};
}

PackedMatrix PackedFile::matrix(const MatrixSpec& spec) const {
  PackedMatrix m = unpacked_matrix(spec, packing_);
  m.panels = tensor(spec.name + ".packed").bytes.first(m.bytes());
  if (!spec.bias.empty()) m.bias = vector(spec.bias, padded(m.n));
  return m;
}

Weights PackedFile::weights() const {
  Weights weights;
  weights.file = file_;
  const TensorView& wte = tensor("wte.weight");
  weights.wte = {wte.bytes, element_of(wte), file_};
  for (int64_t i = 0; i < config_.n_layer; ++i) {
    Layer layer;
    layer.ln_1 = layer_norm(layer_tensor_name(i, "ln_1"));
    const auto specs = layer_matrices(config_, i);
    for (size_t m = 0; m < specs.size(); ++m) *layer.matrices()[m] = matrix(specs[m]);
    weights.layers.push_back(std::move(layer));
  }
  weights.ln_f = layer_norm("ln_f");
  weights.lm_head = matrix(head_matrix(config_));
  return weights;
}

namespace {

// A packed file as a source of weights. Each tensor is unpacked when it is asked for.
class PackedSource : public WeightSource {
 public:
  explicit PackedSource(std::shared_ptr<const PackedFile> file) : file_(std::move(file)) {
    for (const TensorView& t : file_->file().tensors()) total_bytes_ += t.bytes.size();
  }

  const ModelConfig& config() const override { return file_->config(); }
  const std::string& name() const override { return file_->file().path(); }
  uint64_t total_bytes() const override { return total_bytes_; }

  TensorView tensor(const std::string& canonical_name) override {
    TensorView found;
    for_each_matrix(config(), [&](const MatrixSpec& spec) {
      const auto part = std::find(spec.weights.begin(), spec.weights.end(), canonical_name);
      if (part == spec.weights.end()) return;
      found = unpack(spec, static_cast<size_t>(part - spec.weights.begin()));
    });
    return found.shape.empty() ? file_->tensor(canonical_name) : found;
  }
  void done(const TensorView& tensor) override { made_.erase(tensor.name); }
  std::shared_ptr<const void> owner(const TensorView&) override { return file_; }

 private:
  // Returns tensor number `part` of the tensors that the matrix stacks. All have the same number of
  // rows.
  TensorView unpack(const MatrixSpec& spec, size_t part) {
    const PackedMatrix m = file_->matrix(spec);
    const size_t rows = spec.n / spec.weights.size();
    const auto [place, is_new] = made_.try_emplace(spec.weights[part]);
    auto& [name, buffer] = *place;
    if (is_new) {
      buffer = AlignedBuffer<std::byte>(rows * spec.k * element_size(m.element));
      unpack_rows(m.panels.data(), m.format(), part * rows, rows, buffer.data());
    }
    return {name, dtype_of(m.element), {rows, spec.k}, buffer.span()};
  }

  std::shared_ptr<const PackedFile> file_;
  uint64_t total_bytes_ = 0;
  std::map<std::string, AlignedBuffer<std::byte>> made_;
};

}  // namespace

std::unique_ptr<WeightSource> packed_source(std::shared_ptr<const PackedFile> file) {
  check(!is_quantized(file->packing().layers) && !is_quantized(file->packing().head),
        ErrorCode::kUnsupported, file->file().path(), ": its weights are ",
        weight_type_name(file->weight_type()),
        ", which cannot be packed anew; run gptj convert on the model that it was made from");
  return std::make_unique<PackedSource>(std::move(file));
}

}  // namespace gptj
