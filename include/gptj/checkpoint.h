// SPDX-License-Identifier: Apache-2.0
// What a checkpoint on disk holds, and what running it would take, without loading its weights.
//
//   const gptj::CheckpointInfo info = gptj::inspect("models/gpt-j-6b");
//   const gptj::MemoryNeeds needs = gptj::memory_needs(
//       info.config, {.weights = info.stored_type, .embedding = info.embedding});
//
// All functions may be called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gptj/export.h"
#include "gptj/tokenizer.h"

namespace gptj {

// The numbers of config.json that the forward pass depends on.
struct ModelConfig {
  int64_t vocab_size = 0;   // rows of the embedding and of lm_head; may exceed the tokenizer's
  int64_t n_positions = 0;  // the context: prompt and new tokens together, in tokens
  int64_t n_embd = 0;       // width of the residual stream
  int64_t n_layer = 0;
  int64_t n_head = 0;
  int64_t rotary_dim = 0;  // dimensions of each head that are rotated; even, at most head_dim()
  int64_t n_inner = 0;     // width of the feed-forward layer; 4 * n_embd where the file has null
  float layer_norm_epsilon = 1e-5f;
  std::optional<int64_t> bos_token_id = {};
  std::vector<int64_t> eos_token_ids = {};  // any of them ends a text; may be empty

  int64_t head_dim() const { return n_embd / n_head; }
};

// When a beam search ends: transformers' early_stopping.
enum class EarlyStopping {
  kNo,     // false: once no beam can become better by the divisor of its present length
  kYes,    // true: once there are num_beams hypotheses
  kNever,  // "never": once no beam can become better by the divisor of any length up to the longest
};

// What the model's authors want a request to mean where it does not say: generation_config.json, or
// where that is absent the same fields of config.json, as transformers takes them. Empty members
// are fields that the file does not have, or has as null. src/checkpoint/README.md lists every
// field of these files and what becomes of it.
struct GenerationDefaults {
  std::optional<bool> do_sample = {};  // false or empty: greedy, whatever temperature says
  std::optional<double> temperature = {};
  std::optional<int64_t> top_k = {};
  std::optional<double> top_p = {};
  std::optional<double> min_p = {};
  std::optional<double> typical_p = {};
  std::optional<double> repetition_penalty = {};
  // Divides the logits of the prompt's ids the other way: above 1 keeps a text near its prompt.
  std::optional<double> encoder_repetition_penalty = {};
  std::optional<int64_t> no_repeat_ngram_size = {};
  // No n-gram of the prompt of this many tokens comes in the text.
  std::optional<int64_t> encoder_no_repeat_ngram_size = {};
  // Lengths in tokens. They are defaults and no ceilings: a request's own value may be larger.
  std::optional<int64_t> max_new_tokens = {};
  std::optional<int64_t> max_length = {};  // with the prompt; max_new_tokens counts before it
  std::optional<int64_t> min_new_tokens = {};
  std::optional<int64_t> min_length = {};  // with the prompt; min_new_tokens counts before it
  std::optional<int64_t> num_beams = {};
  std::optional<int64_t> num_return_sequences = {};
  std::optional<double> length_penalty = {};
  std::optional<EarlyStopping> early_stopping = {};
  std::vector<std::vector<int64_t>> bad_words_ids = {};
  std::vector<int64_t> suppress_tokens = {};        // never come
  std::vector<int64_t> begin_suppress_tokens = {};  // never come first
  // The first new token of a prompt of one token.
  std::optional<int64_t> forced_bos_token_id = {};
  // The last token of the most new ones that a request allows is one of these.
  std::vector<int64_t> forced_eos_token_ids = {};
  // {start, factor}: after `start` new tokens the end token's logit grows by |logit| x
  // (factor^(new tokens - start) - 1).
  std::optional<std::pair<int64_t, double>> exponential_decay_length_penalty = {};
  std::vector<std::string> stop_strings = {};
  std::optional<int64_t> bos_token_id = {};  // already in ModelConfig::bos_token_id
  std::vector<int64_t> eos_token_ids = {};   // already in ModelConfig::eos_token_ids, if any
};

// How weights are kept in memory. int8 and int4 are numbers of 8 and 4 bits with scales, multiplied
// by activations rounded to 8 bits; an int4 model's lm_head is int8 unless told otherwise.
enum class WeightType { kF32, kF16, kBF16, kInt8, kInt4 };
inline constexpr WeightType kWeightTypes[] = {WeightType::kF32, WeightType::kF16, WeightType::kBF16,
                                              WeightType::kInt8, WeightType::kInt4};

// "f32", "f16", "bf16", "int8", "int4"
GPTJ_API const char* weight_type_name(WeightType type);
// The reverse. Throws kInvalidArgument with the names there are.
GPTJ_API WeightType parse_weight_type(const std::string& name);

struct TensorInfo {
  std::string name;  // without the prefix "transformer."
  std::string type;  // "F32", "F16" or "BF16"; "U8" for a packed matrix of this engine's own file
  std::vector<uint64_t> shape;
  uint64_t bytes = 0;
};

// How a loaded model holds the rows of wte, which are looked up and never multiplied.
struct EmbeddingStorage {
  WeightType type = WeightType::kF16;  // kF32, kF16 or kBF16
  // Whether they stay in the file. Where the file holds them otherwise (transposed, quantized, in
  // parts), they are made once, in memory.
  bool mapped = true;
};

struct CheckpointInfo {
  std::string path;                // as it was given
  std::vector<std::string> files;  // those that hold the weights
  uint64_t file_bytes = 0;         // their size together
  ModelConfig config;
  GenerationDefaults generation_defaults;
  // In the order of the forward pass; this engine's own files have the matrices first.
  std::vector<TensorInfo> tensors;
  // Of most of the weights' bytes. Where another format quantized them, GPTQ or legacy ggml
  // (`quantized`), kInt8: in that they are held unless another type is asked for, for it costs a
  // small part of what their own rounding did.
  WeightType stored_type = WeightType::kF32;
  bool quantized = false;
  // Of this engine's own files: how lm_head is packed. Where that or stored_type is int8 or int4,
  // no other type can be loaded.
  std::optional<WeightType> head_type = {};
  EmbeddingStorage embedding = {};
  uint64_t parameters = 0;   // elements of all tensors
  bool has_lm_head = false;  // without it (a save of the base model) nothing can be generated
  // Of this engine's own files, as JSON: what they were converted from, and how good they are.
  std::string source = {}, report = {};
  // What the files say that is not done, or that deserves a look; one line each.
  std::vector<std::string> warnings = {};
  std::optional<int64_t> tokenizer_size =
      {};  // highest id with a name, plus one; not set: no tokenizer
};

// Opens and validates the checkpoint at `path`: a folder with config.json and model.safetensors,
// pytorch_model.bin, an index of either, or flax_model.msgpack; a folder with
// mesh-transformer-jax's shards, or with one such step_* folder; a legacy ggml or GGJT file, or a
// folder with one; the path of any such file, whatever its name; or a file that convert() wrote.
// Reads headers only. Throws kNotFound, kIo, kBadFile; kUnsupported for what is a checkpoint, but
// not one that this runs.
GPTJ_API CheckpointInfo inspect(const std::string& path);

// The tokenizer of such a path, or of a folder that has nothing else. Throws as Tokenizer::load().
GPTJ_API Tokenizer load_tokenizer(const std::string& path, const TokenizerWarning& on_warning = {});

struct MemoryOptions {
  WeightType weights = WeightType::kF16;
  // The type of lm_head; empty: as the weights, but int8 where they are int4.
  std::optional<WeightType> head = {};
  // The type in which the cache holds keys and values, not int4; empty: f32 where weights are, else
  // f16.
  std::optional<WeightType> kv_cache = {};
  EmbeddingStorage embedding = {};
};

// In bytes.
struct MemoryNeeds {
  uint64_t weights = 0;  // packed, as loading allocates them; an embedding that is not mapped too
  // Bits that a token reads per weight that it multiplies, scales and all: of the matrices.
  double bits_per_weight = 0;
  uint64_t embedding = 0;           // of one that is mapped only the rows looked up become resident
  uint64_t kv_cache_per_token = 0;  // scales and padding included
  uint64_t kv_cache_per_page = 0;   // the cache grows by pages of kKvPagePositions
  uint64_t kv_cache_full_context = 0;  // of one sequence of n_positions
};
inline constexpr int64_t kKvPagePositions = 64;

// Throws kInvalidArgument for a config that no model can have.
GPTJ_API MemoryNeeds memory_needs(const ModelConfig& config, const MemoryOptions& options = {});

}  // namespace gptj
