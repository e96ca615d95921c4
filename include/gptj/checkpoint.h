// SPDX-License-Identifier: Apache-2.0
// Tells what a checkpoint on disk holds, and how much memory running it takes, without loading its
// weights.
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
#include "gptj/storage.h"
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

// The rule that ends a beam search: transformers' early_stopping. A beam's score is its sum of
// logprobs / length^length_penalty. The search ends once there are num_beams hypotheses and:
enum class EarlyStopping {
  kNo,     // false: no beam's score, at its present length, is above the worst hypothesis
  kYes,    // true: at once
  kNever,  // "never": no beam's score, at any length up to the longest, can be above the worst
};

// The model authors' defaults for fields that a request leaves unset. They come from
// generation_config.json, or if that is absent from the same fields of config.json, as transformers
// takes them. A member is empty if the file does not have the field, or has it as null.
// src/checkpoint/README.md lists every field of these files and its effect.
struct GenerationDefaults {
  std::optional<bool> do_sample = {};  // false or empty: greedy, whatever temperature says
  std::optional<double> temperature = {};
  std::optional<int64_t> top_k = {};
  std::optional<double> top_p = {};
  std::optional<double> min_p = {};
  std::optional<double> typical_p = {};
  std::optional<double> repetition_penalty = {};
  // Changes the logits of the prompt's ids in the opposite direction of repetition_penalty: above 1
  // keeps a text near its prompt.
  std::optional<double> encoder_repetition_penalty = {};
  std::optional<int64_t> no_repeat_ngram_size = {};
  // The text repeats no n-gram of this many tokens from the prompt.
  std::optional<int64_t> encoder_no_repeat_ngram_size = {};
  // Lengths in tokens. They are defaults, not limits: a request's own value may be larger.
  std::optional<int64_t> max_new_tokens = {};
  std::optional<int64_t> max_length = {};  // prompt included; max_new_tokens has precedence
  std::optional<int64_t> min_new_tokens = {};
  std::optional<int64_t> min_length = {};  // prompt included; min_new_tokens has precedence
  std::optional<int64_t> num_beams = {};
  std::optional<int64_t> num_return_sequences = {};
  std::optional<double> length_penalty = {};
  std::optional<EarlyStopping> early_stopping = {};
  std::vector<std::vector<int64_t>> bad_words_ids = {};
  std::vector<int64_t> suppress_tokens = {};        // never generated
  std::vector<int64_t> begin_suppress_tokens = {};  // never the first new token
  // The first new token after a prompt of one token.
  std::optional<int64_t> forced_bos_token_id = {};
  // A text that reaches the request's limit of new tokens ends with one of these.
  std::vector<int64_t> forced_eos_token_ids = {};
  // {start, factor}: after `start` new tokens the end token's logit grows by |logit| x
  // (factor^(new tokens - start) - 1).
  std::optional<std::pair<int64_t, double>> exponential_decay_length_penalty = {};
  std::vector<std::string> stop_strings = {};
  std::optional<int64_t> bos_token_id = {};  // already in ModelConfig::bos_token_id
  std::vector<int64_t> eos_token_ids = {};   // already in ModelConfig::eos_token_ids, if any
};

// Returns the weight type of that name. Throws kInvalidArgument, listing the names, if there is
// none.
GPTJ_API WeightType parse_weight_type(const std::string& name);

struct TensorInfo {
  std::string name;  // without the prefix "transformer."
  std::string type;  // "F32", "F16" or "BF16"; "U8" for a packed matrix of this engine's own file
  std::vector<uint64_t> shape;
  uint64_t bytes = 0;
};

// The storage of the rows of wte in a loaded model. Rows are looked up and never multiplied.
struct EmbeddingStorage {
  WeightType type = WeightType::kF16;  // kF32, kF16 or kBF16
  // True if the rows stay in the mapped file. False if the file holds them in another form
  // (transposed, quantized, in parts): then they are made once, in memory.
  bool mapped = true;
};

struct CheckpointInfo {
  std::string path;                // as it was given
  std::vector<std::string> files;  // the files that hold the weights
  uint64_t file_bytes = 0;         // size of all these files together
  ModelConfig config;
  GenerationDefaults generation_defaults;
  // All tensors in the order of the forward pass; this engine's own files have the matrices first.
  std::vector<TensorInfo> tensors;
  // The type of most of the weights' bytes. It is kInt8 if another format quantized them, GPTQ or
  // legacy ggml (`quantized`): such weights load as int8 unless another type is asked for, because
  // its error is a small part of the error of their own rounding.
  WeightType stored_type = WeightType::kF32;
  bool quantized = false;
  // The type in which lm_head is packed; set for this engine's own files only. If lm_head or
  // stored_type is int8 or int4, no other type can be loaded.
  std::optional<WeightType> head_type = {};
  EmbeddingStorage embedding = {};
  uint64_t parameters = 0;   // elements of all tensors
  bool has_lm_head = false;  // false for a save of the base model, which cannot generate text
  // JSON that says what the file was converted from (`source`) and how good it is (`report`); set
  // for this engine's own files only.
  std::string source = {}, report = {};
  // Settings of the files that this engine ignores, or that deserve a look; one line each.
  std::vector<std::string> warnings = {};
  // The highest id with a name, plus one; not set: no tokenizer.
  std::optional<int64_t> tokenizer_size = {};
};

// Opens and validates the checkpoint at `path`: a folder with config.json and model.safetensors,
// pytorch_model.bin, an index of either, or flax_model.msgpack; a folder with
// mesh-transformer-jax's shards, or with one such step_* folder; a legacy ggml or GGJT file, or a
// folder with one; the path of any such file, whatever its name; or a file that convert() wrote.
// Reads headers only. Throws kNotFound, kIo, kBadFile, and kUnsupported for a checkpoint that this
// engine does not run.
GPTJ_API CheckpointInfo inspect(const std::string& path);

// Loads the tokenizer of a path that inspect() opens, or of a folder that has nothing else. Throws
// as Tokenizer::load() does.
GPTJ_API Tokenizer load_tokenizer(const std::string& path, const TokenizerWarning& on_warning = {});

struct MemoryOptions {
  WeightType weights = WeightType::kF16;
  // The type of lm_head; empty: the type of the weights, or int8 if they are int4.
  std::optional<WeightType> head = {};
  // The type in which the cache holds keys and values, not int4; empty: f32 if the weights are f32,
  // else f16.
  std::optional<WeightType> kv_cache = {};
  EmbeddingStorage embedding = {};
};

// The memory that running a model takes, in bytes.
struct MemoryNeeds {
  // Packed weights, as loading allocates them, including an embedding that is not mapped.
  uint64_t weights = 0;
  // Bits of the packed matrices, scales included, per weight that a token multiplies.
  double bits_per_weight = 0;
  // The embedding. Of a mapped one, only the rows looked up become resident.
  uint64_t embedding = 0;
  uint64_t kv_cache_per_token = 0;     // scales and padding included
  uint64_t kv_cache_per_page = 0;      // the cache grows by pages of kKvPagePositions
  uint64_t kv_cache_full_context = 0;  // for one sequence of n_positions
};

// Returns the memory that a model of this config takes. Throws kInvalidArgument for a config that
// no model can have.
GPTJ_API MemoryNeeds memory_needs(const ModelConfig& config, const MemoryOptions& options = {});

}  // namespace gptj
