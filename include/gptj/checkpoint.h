// SPDX-License-Identifier: Apache-2.0
// What a checkpoint on disk holds, without loading its weights.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gptj/export.h"

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

}  // namespace gptj
