// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/config.h"
#include "checkpoint/tensor_names.h"
#include "engine/kv_cache.h"
#include "gptj/checkpoint.h"
#include "weights/weight_type.h"
#include "weights/weights.h"

namespace gptj {

MemoryNeeds memory_needs(const ModelConfig& config, const MemoryOptions& options) {
  check_config(config, ErrorCode::kInvalidArgument, "config");
  const auto size = [](int64_t value) { return static_cast<uint64_t>(value); };
  const Packing packing = packing_of(options.weights, options.head);
  MemoryNeeds needs;
  uint64_t multiplied = 0, matrices = 0;
  const auto count = [&](const MatrixSpec& spec) {
    matrices += unpacked_matrix(spec, packing).bytes();
    multiplied += spec.n * spec.k;
  };
  for (int64_t i = 0; i < config.n_layer; ++i) {
    for (const MatrixSpec& spec : layer_matrices(config, i)) count(spec);
  }
  count(head_matrix(config));
  for (const TensorSpec& spec : tensor_specs(config)) {
    if (spec.shape.size() == 1) needs.weights += spec.shape[0] * sizeof(float);
  }
  needs.weights += matrices;
  needs.bits_per_weight = 8.0 * static_cast<double>(matrices) / static_cast<double>(multiplied);
  needs.embedding =
      size(config.vocab_size) * size(config.n_embd) * element_size(options.embedding.type);
  if (!options.embedding.mapped) needs.weights += needs.embedding;
  const WeightType kv = options.kv_cache.value_or(default_kv_cache(options.weights));
  check_kv_cache(kv);
  needs.kv_cache_per_page = kv_page_bytes(config, kv);
  needs.kv_cache_per_token = needs.kv_cache_per_page / size(kKvPagePositions);
  needs.kv_cache_full_context = pages_of(config.n_positions) * needs.kv_cache_per_page;
  return needs;
}

}  // namespace gptj
