// SPDX-License-Identifier: Apache-2.0

#include "gptj/checkpoint.h"
#include "model/config.h"
#include "model/names.h"

namespace gptj {
namespace {

constexpr uint64_t kPackedRows = 16;  // matrices are padded to a multiple of this many output rows

uint64_t element_bytes(WeightType type) { return type == WeightType::kF32 ? 4 : 2; }

uint64_t round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

// Biases and layer norms stay f32, whatever the matrices are.
uint64_t packed_bytes(const TensorSpec& spec, WeightType type) {
  if (spec.shape.size() == 1) return spec.shape[0] * element_bytes(WeightType::kF32);
  return round_up(spec.shape[0], kPackedRows) * spec.shape[1] * element_bytes(type);
}

}  // namespace

MemoryNeeds memory_needs(const ModelConfig& config, const MemoryOptions& options) {
  check_config(config, ErrorCode::kInvalidArgument, "config");
  const auto size = [](int64_t value) { return static_cast<uint64_t>(value); };
  MemoryNeeds needs;
  for (const TensorSpec& spec : tensor_specs(config)) {
    if (!is_embedding(spec.name)) needs.weights += packed_bytes(spec, options.weights);
  }
  needs.embedding = size(config.vocab_size) * size(config.n_embd) * element_bytes(options.stored);
  const WeightType kv = options.kv_cache.value_or(options.weights);
  needs.kv_cache_per_token = 2 * size(config.n_layer) * size(config.n_embd) * element_bytes(kv);
  needs.kv_cache_per_page = size(kKvPagePositions) * needs.kv_cache_per_token;
  needs.kv_cache_full_context =
      round_up(size(config.n_positions), size(kKvPagePositions)) * needs.kv_cache_per_token;
  return needs;
}

}  // namespace gptj
