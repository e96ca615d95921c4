// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/mesh_config.h"

#include "base/check.h"
#include "base/json_fields.h"
#include "checkpoint/checkpoint_files.h"
#include "checkpoint/config.h"

namespace gptj {
namespace {

constexpr size_t kMaxConfig = 16'000'000;
constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr MeshSizes kSixB = {.n_layer = 28, .n_embd = 4096, .n_inner = 16384};

// Returns GPT-J-6B's config. Throws kNotFound if the arrays have other sizes.
ModelConfig six_b(const std::string& step, const MeshSizes& sizes) {
  check(sizes.n_layer == kSixB.n_layer && sizes.n_embd == kSixB.n_embd &&
            sizes.n_inner == kSixB.n_inner,
        ErrorCode::kNotFound, step,
        ": config.json is missing, here and in the folder above, and these arrays are not "
        "GPT-J-6B's: n_layer ",
        sizes.n_layer, ", n_embd ", sizes.n_embd, ", n_inner ", sizes.n_inner,
        "; a config.json must add what no array shows: n_head, rotary_dim and n_positions "
        "(Hugging Face's names, with vocab_size, n_embd and n_layer, or mesh-transformer-jax's own "
        "config)");
  ModelConfig config;
  config.vocab_size = static_cast<int64_t>(sizes.vocab_size);
  config.n_positions = 2048;
  config.n_embd = 4096;
  config.n_layer = 28;
  config.n_head = 16;
  config.rotary_dim = 64;
  config.n_inner = 16384;
  config.layer_norm_epsilon = 1e-5f;
  adopt_end_of_text(config);
  return config;
}

int64_t required(const FieldReader& json, const char* field) {
  const auto value = json.integer(field, 1, kMaxSize);
  json.expect(value.has_value(), field, concat("a whole number from 1 to ", kMaxSize));
  return *value;
}

void expect_text(const FieldReader& json, const char* field, const char* expected) {
  check(json.string(field).value_or(expected) == expected, ErrorCode::kUnsupported, json.file(),
        ": ", field, ": expected \"", expected, "\", as GPT-J has it, found ", json.found(field));
}

// Returns the config that mesh-transformer-jax's own config.json describes.
ModelConfig own_config(const FieldReader& json, const MeshSizes& sizes) {
  expect_text(json, "pe", "rotary");
  expect_text(json, "norm", "layernorm");
  const auto cores = json.integer("cores_per_replica", 1, kMaxSize);
  check(!cores || static_cast<uint64_t>(*cores) == sizes.n_shards, ErrorCode::kBadFile, json.file(),
        ": cores_per_replica: ", json.found("cores_per_replica"), ", but ", sizes.n_shards,
        " shards are there; is the download complete?");
  ModelConfig config;
  config.vocab_size = required(json, "n_vocab");
  config.n_positions = required(json, "seq");
  config.n_embd = required(json, "d_model");
  config.n_layer = required(json, "layers");
  config.n_head = required(json, "n_heads");
  config.rotary_dim =
      json.integer("pe_rotary_dims", 2, kMaxSize).value_or(config.n_embd / config.n_head);
  config.n_inner = 4 * config.n_embd;
  config.layer_norm_epsilon = 1e-5f;
  adopt_end_of_text(config);
  check_config(config, ErrorCode::kBadFile, json.file());
  return config;
}

}  // namespace

std::optional<ModelConfig> mesh_config(const std::string& folder, const std::string& step,
                                       const MeshSizes& sizes) {
  const std::string path = beside(folder, "config.json");
  if (!is_there(path)) return six_b(step, sizes);
  const FieldReader json(read_text_file(path, kMaxConfig), path);
  if (!json.contains("d_model") || json.contains("n_embd")) return std::nullopt;
  return own_config(json, sizes);
}

}  // namespace gptj
