// SPDX-License-Identifier: Apache-2.0

#include "gptj/checkpoint.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/names.h"
#include "model/weight_type.h"
#include "model/weights.h"

namespace gptj {
namespace {

uint64_t packed_bytes(const TensorSpec& spec, const Packing& packing) {
  const bool head = is_lm_head(spec.name);
  const Element element = head ? packing.head : packing.layers;
  return padded(spec.shape[0]) / kLanes *
         panel_bytes(element, spec.shape[1], quantization_group(element, head));
}

}  // namespace

MemoryNeeds memory_needs(const ModelConfig& config, const MemoryOptions& options) {
  check_config(config, ErrorCode::kInvalidArgument, "config");
  const auto size = [](int64_t value) { return static_cast<uint64_t>(value); };
  const Packing packing = packing_of(options.weights, options.head);
  MemoryNeeds needs;
  uint64_t multiplied = 0, matrices = 0;
  for (const TensorSpec& spec : tensor_specs(config)) {
    if (spec.shape.size() == 1) {  // f32, whatever the matrices are
      needs.weights += spec.shape[0] * sizeof(float);
    } else if (!is_embedding(spec.name)) {
      matrices += packed_bytes(spec, packing);
      multiplied += spec.shape[0] * spec.shape[1];
    }
  }
  needs.weights += matrices;
  needs.bits_per_weight = 8.0 * static_cast<double>(matrices) / static_cast<double>(multiplied);
  needs.embedding =
      size(config.vocab_size) * size(config.n_embd) * element_size(element_of(options.stored));
  const WeightType kv = options.kv_cache.value_or(default_kv_cache(options.weights));
  check_kv_cache(kv);
  needs.kv_cache_per_page = kv_page_bytes(config, element_of(kv));
  needs.kv_cache_per_token = needs.kv_cache_per_page / size(kKvPagePositions);
  needs.kv_cache_full_context =
      round_up(size(config.n_positions), size(kKvPagePositions)) * needs.kv_cache_per_token;
  return needs;
}

}  // namespace gptj
