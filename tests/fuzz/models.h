// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gptj/model.h"
#include "model/synthetic.h"

namespace gptj::fuzz {

// The model whose session files are seeds.
inline Model small_model() {
  const ModelConfig config = {.vocab_size = 11,
                              .n_positions = 128,
                              .n_embd = 8,
                              .n_layer = 1,
                              .n_head = 2,
                              .rotary_dim = 2,
                              .n_inner = 8};
  return synthetic_model(config, {.kv_cache = WeightType::kInt8, .threads = 1}, 1);
}

}  // namespace gptj::fuzz
