// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "gptj/model.h"
#include "model/rotary.h"
#include "model/weight_type.h"
#include "model/weights.h"

namespace gptj {

// All that a model is. Immutable but for the pool, which locks, and what `clamped` counts.
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
  mutable std::atomic<uint64_t> clamped = 0;  // Model::clamped_values()
};

// What computed an answer: the version of the arithmetic, and with layers or a head of bf16, whose
// products have bits of their own on each instruction set, whose they were.
std::string arithmetic_name(const Model& model);

}  // namespace gptj
