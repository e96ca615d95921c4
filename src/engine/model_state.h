// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "engine/rotary.h"
#include "gptj/model.h"
#include "weights/weight_type.h"
#include "weights/weights.h"

namespace gptj {

// All that a model is. Immutable but for the pool, which locks, what `clamped` counts, and the
// fingerprint, which has a mutex.
struct Model::State {
  std::string name;
  ModelConfig config;
  GenerationDefaults generation_defaults;
  std::optional<Tokenizer> tokenizer;
  WeightType weight_type;
  Packing packing;
  WeightType kv_cache_type;
  const KernelTable& kernels;
  mutable ThreadPool pool;
  RotaryTable rotary;
  Weights weights;
  uint64_t max_ram = 0;  // LoadOptions::max_ram
  RowReading reading = {};
  std::vector<TokenId> unnamed_ids = {};      // those that the tokenizer has no name for
  mutable std::atomic<uint64_t> clamped = 0;  // Model::clamped_values()
  mutable std::mutex fingerprint_mutex = {};
  mutable std::optional<uint64_t> fingerprint = {};  // Model::fingerprint(), once it was asked for
};

// What computed an answer: the version of the arithmetic, and with layers or a head of bf16, whose
// products have bits of their own on each instruction set, whose they were.
std::string arithmetic_name(const Model& model);

}  // namespace gptj
