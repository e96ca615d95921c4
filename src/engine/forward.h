// SPDX-License-Identifier: Apache-2.0
// The decoder of GPT-J (Wang and Komatsuzaki, 2021): one LayerNorm feeds attention and
// feed-forward,
//   x += attention(ln_1(x)) + mlp(ln_1(x))
// for every layer, then logits = lm_head(ln_f(x)).
#pragma once

#include "engine/ops.h"
#include "gptj/session.h"

namespace gptj {

// Activations of up to a chunk of rows. [rows, ...] everywhere.
struct Scratch {
  explicit Scratch(const ModelConfig& config);
  void reserve(size_t rows);

  Matrix x;              // n_embd: the residual stream
  Matrix normed;         // n_embd
  Matrix qkv;            // 3 n_embd
  Matrix attended;       // n_embd
  Matrix attention_out;  // n_embd
  Matrix inner;          // n_inner
  Matrix mlp_out;        // n_embd
  Matrix wanted;         // n_embd: the rows whose logits are wanted, normed
  Matrix logits;         // vocab_size
};

// Rows that the head computes at once: logits of a long text take no more memory than these.
constexpr size_t kHeadRows = 32;

// One layer: x += attention(ln_1(x)) + mlp(ln_1(x)), x being that of `s`, where what the matrices
// were multiplied with is left behind: normed (qkv and fc_in), attended (out) and inner (fc_out).
// `index` is the layer's in the cache.
void block(Engine& engine, const ModelConfig& config, const Layer& layer, size_t index,
           const RotaryTable& rotary, const BatchView& batch, Scratch& s);

// Runs one chunk of rows, already extended into the cache, and hands out the logits wanted; `sink`
// gets the row's index in `batch`.
void forward(Engine& engine, const ModelConfig& config, const Weights& weights,
             const RotaryTable& rotary, const BatchView& batch, Scratch& s, const LogitsSink& sink);

}  // namespace gptj
