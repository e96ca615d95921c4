// SPDX-License-Identifier: Apache-2.0
// This engine's own file format: one safetensors file that holds a whole model.
//
// Tensors, in this order:
// - every matrix as the kernels read it, U8 [bytes], named MatrixSpec::name + ".packed": its panels
//   (layout: kernels.h) one after the other, padded to 64 bytes;
// - "wte.weight" in the type it was stored in;
// - every vector as F32 under its canonical name.
// The data begin at a multiple of 4096, so each matrix begins at a multiple of 64 bytes both in the
// file and in memory.
//
// Metadata, all strings: "gptj.layout" (the version of the layout), "gptj.weights" and "gptj.head"
// (types), "gptj.source" (JSON: where the weights came from), "gptj.report" (JSON: their quality),
// and whole files under their own names: "config.json", "generation_config.json" and the files of
// the tokenizer.
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
// The version of the layout. A change of the layout that would misread older files raises it.
inline constexpr const char* kLayoutVersion = "1";
inline constexpr const char* kLayout = "gptj.layout";
inline constexpr const char* kWeights = "gptj.weights";
inline constexpr const char* kHead = "gptj.head";
inline constexpr const char* kSource = "gptj.source";
inline constexpr const char* kReport = "gptj.report";
inline constexpr const char* kConfig = "config.json";
inline constexpr const char* kGenerationConfig = "generation_config.json";
}  // namespace packed

// Returns the tensors of a packed file, in the order of the file.
std::vector<TensorDeclaration> packed_tensors(const ModelConfig& config, const Packing& packing,
                                              Element embedding);

// A packed file, mapped into memory. May be used from many threads.
class PackedFile {
 public:
  // Returns the packed file at `path`, or null if there is none: `path` is a folder, a file of
  // another format, or does not exist. Throws kBadFile if the packed file is damaged, kUnsupported
  // if the file has another version of the layout.
  static std::shared_ptr<const PackedFile> open_if_packed(const std::string& path);

  const SafetensorsFile& file() const { return *file_; }
  const ModelConfig& config() const { return config_; }
  const GenerationDefaults& generation_defaults() const { return generation_defaults_; }
  // The type of the layers' matrices, to which the file was converted.
  WeightType weight_type() const { return weight_type_; }
  const Packing& packing() const { return packing_; }
  EmbeddingStorage embedding() const;
  // Settings of the file that this engine does not follow, one line each.
  std::span<const std::string> warnings() const { return warnings_; }
  // The files of the tokenizer, or empty if the model was converted without one.
  const std::optional<TokenizerFiles>& tokenizer_files() const { return tokenizer_files_; }

  // Returns all weights. Matrices and embedding point into the map; the result keeps the map alive.
  Weights weights() const;
  // Returns one matrix. Its panels point into the map, which the caller keeps alive.
  PackedMatrix matrix(const MatrixSpec& spec) const;
  // Returns the tensor of this name in the file. Throws kBadFile if there is none.
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

// Returns the tensors of a packed file of f32, f16 or bf16, to be packed in another type. Throws
// kUnsupported if the file's layers or head are quantized.
std::unique_ptr<WeightSource> packed_source(std::shared_ptr<const PackedFile> file);

}  // namespace gptj
