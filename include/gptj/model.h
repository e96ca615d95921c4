// SPDX-License-Identifier: Apache-2.0
// A loaded model:
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
  // How weights are held; not set: as stored. With f32 the KV cache and all arithmetic are f32 too.
  std::optional<WeightType> weights = {};
  // How lm_head is held; not set: as the weights, but int8 where they are int4.
  std::optional<WeightType> head = {};
  // How keys and values are held, f32, f16, bf16, or int8 with a scale per position and head; not
  // set: f32 with f32 weights, else f16.
  std::optional<WeightType> kv_cache = {};
  // Threads of the pool that all sessions share; 0: the CPUs that affinity and cgroup allow; at
  // most 1024.
  size_t threads = 0;
  // "portable", "avx2", "avx2vnni", "avx512", "amx"; empty: the best this processor has.
  std::string isa = {};
  // Bytes that weights and one full context may take, never above what the machine or its cgroup
  // has left; 0: that much.
  uint64_t max_ram = 0;
  // Whose tokenizer to use: the path of a folder, or of a file that convert() wrote; empty: the
  // model's own.
  std::string tokenizer = {};
  // Called on the loading thread with bytes of weights done and in all; kCancel stops the load with
  // ErrorCode::kCancelled.
  std::function<Progress(uint64_t done, uint64_t total)> on_progress = {};
  // Called on the loading thread with one line about something that works but deserves a look.
  std::function<void(const std::string& message)> on_warning = {};
};

// Immutable; copies share the weights and may be used from many threads at once. Owns one thread
// pool, on which calls queue; its threads block signals, which so reach the host's own threads.
// After fork(), only exec.
//
// A file that convert() wrote, and the embedding of others, stay mapped for as long as the model
// lives. Where another process shortens such a file, or its disk fails, the system ends this
// process with SIGBUS: replace model files by renaming new ones over them, never in place.
class GPTJ_API Model {
 public:
  // Whatever inspect() opens; a file that convert() wrote is mapped and not read. Throws what
  // reading can: kNotFound, kIo, kBadFile, kUnsupported; kOutOfMemory with the figures before
  // anything is read.
  static Model load(const std::string& path, const LoadOptions& options = {});

  const ModelConfig& config() const;
  const GenerationDefaults& generation_defaults() const;
  // Null where the folder has no tokenizer: then there are token ids only.
  const Tokenizer* tokenizer() const;
  // The base name of the folder or file.
  const std::string& name() const;
  WeightType weight_type() const;
  WeightType kv_cache_type() const;
  size_t threads() const;
  // The kernel table that runs: "avx512", ...
  std::string isa() const;
  // A type of no more bytes whose products of many rows are faster on this processor: bf16, for f16
  // and f32 weights where there are instructions for it. It rounds weights to 8 bits of precision.
  std::optional<WeightType> faster_weight_type() const;
  // Bytes of packed weights, and of the KV cache for one sequence of `positions` tokens.
  uint64_t weight_bytes() const;
  uint64_t kv_cache_bytes(int64_t positions) const;
  // Keys and values computed so far that a KV cache of f16 could not hold, kept as +-65504; any
  // thread may ask. Of other types 0.
  uint64_t clamped_values() const;
  // Tells this model from others, by weights as they are held, shape and tokenizer. The first call
  // reads all of them, at the speed of memory; it is computed once, for all copies.
  uint64_t fingerprint() const;

  // For the library's own use: see src/engine/model_state.h.
  struct State;
  explicit Model(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  const State& state() const { return *state_; }

 private:
  std::shared_ptr<const State> state_;
};

}  // namespace gptj
