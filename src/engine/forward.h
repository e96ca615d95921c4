// SPDX-License-Identifier: Apache-2.0
// The decoder of GPT-J (Wang and Komatsuzaki, 2021). In every layer, one LayerNorm feeds both
// attention and feed-forward:
//   x += attention(ln_1(x)) + mlp(ln_1(x))
// After the last layer, logits = lm_head(ln_f(x)).
#pragma once

#include "engine/ops.h"
#include "gptj/session.h"

namespace gptj {

// Activations of up to a chunk of rows. Each matrix is [rows, columns]; the comments give columns.
struct Scratch {
  explicit Scratch(const ModelConfig& config);
  // Makes room for `rows` rows; `final_normed` and `logits` never get more than kHeadRows.
  void reserve(size_t rows);

  Matrix x;              // n_embd: the residual stream
  Matrix normed;         // n_embd
  Matrix qkv;            // 3 n_embd
  Matrix attended;       // n_embd
  Matrix attention_out;  // n_embd
  Matrix inner;          // n_inner
  Matrix mlp_out;        // n_embd
  Matrix final_normed;   // n_embd: ln_f of the rows whose hidden states or logits are wanted
  Matrix logits;         // vocab_size
};

// Rows that the LM head computes at once. The limit bounds the memory for logits: a long text whose
// logits are all wanted takes no more than these rows do.
constexpr size_t kHeadRows = 32;

// Computes one layer: s.x += attention(ln_1(s.x)) + mlp(ln_1(s.x)). Afterwards `s` still holds the
// inputs of the layer's matrices: normed (of qkv and fc_in), attended (of out_proj) and inner (of
// fc_out). `index` is the layer's number in the cache.
void block(Engine& engine, const ModelConfig& config, const Layer& layer, size_t index,
           const RotaryTable& rotary, const Pass& pass, Scratch& s);

// The receivers of what rows want, with the row's index in a batch.
struct Sinks {
  const LogitsSink& logits;
  const HiddenSink& hidden;
};

// Computes one chunk of rows and hands the hidden states and the logits that rows want to the
// sinks. REQUIRES: the cache has been extended by the positions of these rows.
void forward(Engine& engine, const ModelConfig& config, const Weights& weights,
             const RotaryTable& rotary, const BatchView& batch, Scratch& s, const Sinks& sinks);

}  // namespace gptj
