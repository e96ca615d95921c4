// SPDX-License-Identifier: Apache-2.0
// This engine's own file: one safetensors file with everything that a model is.
//
// Tensors, in this order: every matrix as the kernels read it, U8 [bytes], named as MatrixSpec says
// with ".packed" behind, its panels (layout: kernels.h) one after the other, padded to 64 bytes;
// "wte.weight" as it was stored; every vector as F32 under its canonical name. Data begin at a
// multiple of 4096, so each matrix begins at a multiple of 64 in the file as in memory.
//
// Metadata, all strings: "gptj.layout" (the version of the layout), "gptj.weights" and "gptj.head"
// (types), "gptj.source" (JSON: where the weights came from), "gptj.report" (JSON: their quality),
// and whole files under their own names: "config.json", "generation_config.json", the tokenizer's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/weight_source.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "gptj/checkpoint.h"
#include "tokenizer/tokenizer_parts.h"
#include "weights/weights.h"

namespace gptj {

namespace packed {
// Raised whenever a file of before would be misread.
inline constexpr const char* kLayoutVersion = "1";
inline constexpr const char* kLayout = "gptj.layout";
inline constexpr const char* kWeights = "gptj.weights";
inline constexpr const char* kHead = "gptj.head";
inline constexpr const char* kSource = "gptj.source";
inline constexpr const char* kReport = "gptj.report";
inline constexpr const char* kConfig = "config.json";
inline constexpr const char* kGenerationConfig = "generation_config.json";
}  // namespace packed

// The tensors of a packed file, in their order.
std::vector<TensorDeclaration> packed_tensors(const ModelConfig& config, const Packing& packing,
                                              Element embedding);

// A packed file, mapped. May be used from many threads.
class PackedFile {
 public:
  // Empty where `path` is no packed file: a folder, another format, nothing at all. Throws kBadFile
  // for one that is damaged, kUnsupported for one of another layout version.
  static std::shared_ptr<const PackedFile> open_if_packed(const std::string& path);

  const SafetensorsFile& file() const { return *file_; }
  const ModelConfig& config() const { return config_; }
  const GenerationDefaults& generation_defaults() const { return generation_defaults_; }
  // Of the layers: what the file was converted to.
  WeightType weight_type() const { return weight_type_; }
  const Packing& packing() const { return packing_; }
  EmbeddingStorage embedding() const;
  // What its settings say that is not done, one line each.
  std::span<const std::string> warnings() const { return warnings_; }
  // Its tokenizer's files; empty where it has none.
  const std::optional<TokenizerFiles>& tokenizer_files() const { return tokenizer_files_; }

  // Matrices and embedding as they lie in the map, which the result keeps.
  Weights weights() const;
  // One matrix of them.
  PackedMatrix matrix(const MatrixSpec& spec) const;
  // By the name in the file. Throws kBadFile where it is missing.
  const TensorView& tensor(const std::string& name) const;

 private:
  PackedFile() = default;
  const std::string& metadata(const char* key) const;
  void read_metadata();
  void read_tokenizer_files();
  void check_tensors() const;
  AlignedBuffer<float> vector(const std::string& name, size_t pad_to = 0) const;
  LayerNorm layer_norm(const std::string& name) const;

  std::shared_ptr<const SafetensorsFile> file_;
  ModelConfig config_;
  GenerationDefaults generation_defaults_;
  WeightType weight_type_ = WeightType::kF32;
  Packing packing_{};
  std::vector<std::string> warnings_;
  std::optional<TokenizerFiles> tokenizer_files_;
};

// The tensors of a packed file of f32, f16 or bf16, to be packed in another type.
std::unique_ptr<WeightSource> packed_source(std::shared_ptr<const PackedFile> file);

}  // namespace gptj
