// SPDX-License-Identifier: Apache-2.0
// Loads a model:
//
//   const gptj::Model model = gptj::Model::load("models/fairytale-8m", {.threads = 2});
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gptj/checkpoint.h"
#include "gptj/export.h"
#include "gptj/tokenizer.h"

namespace gptj {

enum class Progress { kContinue, kCancel };

struct LoadOptions {
  // The type of the weights in memory; not set: as stored. With f32, the KV cache and all
  // arithmetic are f32 too.
  std::optional<WeightType> weights = {};
  // The type of lm_head; not set: the type of the weights, or int8 if they are int4.
  std::optional<WeightType> head = {};
  // The type of keys and values: f32, f16, bf16, or int8 with a scale per position and head; not
  // set: f32 with f32 weights, else f16.
  std::optional<WeightType> kv_cache = {};
  // Threads of the pool that all sessions share, at most 1024; 0: the CPUs that affinity and cgroup
  // allow.
  size_t threads = 0;
  // The instruction set, one of instruction_set_names(); empty: the best that this processor has.
  std::string isa = {};
  // Bytes that weights and one full context may take; 0: the memory that the machine and its cgroup
  // have left, which is also the most.
  uint64_t max_ram = 0;
  // The path of another tokenizer: a folder, or a file that convert() wrote; empty: the model's
  // own.
  std::string tokenizer = {};
  // Called on the loading thread with the bytes of weights done and all their bytes. kCancel stops
  // the load with ErrorCode::kCancelled.
  std::function<Progress(uint64_t done, uint64_t total)> on_progress = {};
  // Called on the loading thread with a warning of one line: the model works, but something
  // deserves a look.
  std::function<void(const std::string& message)> on_warning = {};
};

// A loaded model. Immutable: copies share the weights and may be used from many threads at once.
//
// A model owns one thread pool, on which calls queue. The pool's threads block signals, so that
// signals reach the host's own threads. Do not use a model in a forked child, because the pool's
// threads do not exist there: after fork(), only exec.
//
// A file that convert() wrote stays mapped for as long as the model lives; of other checkpoints,
// the embedding does. If another process shortens a mapped file, or its disk fails, the system ends
// this process with SIGBUS. Replace model files by renaming new ones over them, never in place.
class GPTJ_API Model {
 public:
  // Loads any path that inspect() opens. A file that convert() wrote is mapped and not read. Throws
  // kNotFound, kIo, kBadFile and kUnsupported as reading does; kOutOfMemory, with the figures,
  // before anything is read.
  static Model load(const std::string& path, const LoadOptions& options = {});

  const ModelConfig& config() const;
  const GenerationDefaults& generation_defaults() const;
  // Returns the tokenizer, or null if there is none: then the model takes token ids only.
  const Tokenizer* tokenizer() const;
  // Returns the base name of the folder or file.
  const std::string& name() const;
  WeightType weight_type() const;
  WeightType kv_cache_type() const;
  size_t threads() const;
  // Returns the instruction set of the kernels that run: "avx512", ...
  std::string isa() const;
  // Returns a weight type of no more bytes whose products of many rows are faster on this
  // processor: bf16, for f16 and f32 weights, if the processor has bf16 instructions. bf16 rounds
  // weights to 8 bits of precision. Empty if there is no such type.
  std::optional<WeightType> faster_weight_type() const;
  // Returns the bytes of the packed weights.
  uint64_t weight_bytes() const;
  // Returns the bytes of the KV cache for one sequence of `positions` tokens.
  uint64_t kv_cache_bytes(int64_t positions) const;
  // Returns how many keys and values computed so far a KV cache of f16 could not hold; they are
  // kept as +-65504. 0 for other types of KV cache. Any thread may call this.
  uint64_t kv_cache_overflows() const;
  // Returns a hash that tells this model from others by its weights as they are held, its shape and
  // its tokenizer. The first call reads all weights at the speed of memory; the hash is then kept
  // for all copies.
  uint64_t fingerprint() const;

  // For the library's own use: see src/engine/model_state.h.
  struct State;
  explicit Model(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  const State& state() const { return *state_; }

 private:
  std::shared_ptr<const State> state_;
};

}  // namespace gptj
