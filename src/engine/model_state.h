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

// All data of a model. Immutable, except for three members that are safe to use from any thread:
// the pool, which locks; the counter `clamped`; and the fingerprint, which has a mutex.
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
  std::vector<TokenId> unnamed_ids = {};                 // ids of the vocabulary without a token
  mutable std::atomic<uint64_t> kv_cache_overflows = 0;  // Model::kv_cache_overflows()
  mutable std::mutex fingerprint_mutex = {};
  mutable std::optional<uint64_t> fingerprint = {};  // Model::fingerprint(), from its first call on
};

// Returns the name of the arithmetic that computes the model's answers: the version of the
// arithmetic, plus, if the layers or the head are bf16, the instruction set of the bf16 products,
// because the bits of bf16 products differ between instruction sets.
std::string arithmetic_name(const Model& model);

}  // namespace gptj
