// SPDX-License-Identifier: Apache-2.0
#include "engine/forward.h"

#include <algorithm>
#include <vector>

namespace gptj {
namespace {

size_t to_size(int64_t n) { return static_cast<size_t>(n); }

// Calls f(chunk) for the given rows of s.x, kHeadRows at a time, with ln_f of these rows in
// s.final_normed.
template <class F>
void for_final_normed(Engine& engine, const ModelConfig& config, const Weights& weights,
                      std::span<const size_t> rows, Scratch& s, const F& f) {
  for (size_t begin = 0; begin < rows.size(); begin += kHeadRows) {
    const auto chunk = rows.subspan(begin, std::min(kHeadRows, rows.size() - begin));
    const size_t n = chunk.size();
    // The layers are done, so s.attended is free to gather the rows: [n, n_embd].
    for (size_t i = 0; i < n; ++i) {
      std::copy_n(s.x.row(chunk[i]), s.x.columns(), s.attended.row(i));
    }
    // final_normed: [n, n_embd]
    layer_norm(engine, weights.ln_f, config.layer_norm_epsilon, s.attended, n, s.final_normed);
    f(chunk);
  }
}

// Hands the hidden states and the logits that rows want to the sinks.
void final_states_and_logits(Engine& engine, const ModelConfig& config, const Weights& weights,
                             std::span<const Row> rows, Scratch& s, const Sinks& sinks) {
  std::vector<size_t> hidden_rows, logits_rows;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].wants_hidden) hidden_rows.push_back(r);
    if (rows[r].wants_logits) logits_rows.push_back(r);
  }
  for_final_normed(engine, config, weights, hidden_rows, s, [&](std::span<const size_t> chunk) {
    for (size_t i = 0; i < chunk.size(); ++i) {
      sinks.hidden(chunk[i], {s.final_normed.row(i), s.final_normed.columns()});
    }
  });
  for_final_normed(engine, config, weights, logits_rows, s, [&](std::span<const size_t> chunk) {
    // logits: [chunk.size(), vocab_size]
    linear(engine, {{.w = weights.lm_head, .x = s.final_normed, .out = s.logits}}, chunk.size());
    for (size_t i = 0; i < chunk.size(); ++i) {
      sinks.logits(chunk[i], {s.logits.row(i), s.logits.columns()});
    }
  });
}

}  // namespace

void block(Engine& engine, const ModelConfig& config, const Layer& layer, size_t index,
           const RotaryTable& rotary, const Pass& pass, Scratch& s) {
  const size_t rows = pass.batch.rows.size();
  // normed: [rows, n_embd]
  layer_norm(engine, layer.ln_1, config.layer_norm_epsilon, s.x, rows, s.normed);

  // qkv: [rows, 3 n_embd], inner: [rows, n_inner]
  linear(engine,
         {{.w = layer.qkv, .x = s.normed, .out = s.qkv},
          {.w = layer.fc_in, .x = s.normed, .out = s.inner, .activation = Activation::kGelu}},
         rows);
  // attended: [rows, n_embd]. Rotates q and k in s.qkv, and writes k and v into the cache.
  attention(engine, rotary, config, index, pass, s.qkv, s.attended);
  // attention_out, mlp_out: [rows, n_embd]
  linear(engine,
         {{.w = layer.out_proj, .x = s.attended, .out = s.attention_out},
          {.w = layer.fc_out, .x = s.inner, .out = s.mlp_out}},
         rows);

  add_branches(engine, s.attention_out, s.mlp_out, rows, s.x);
}

Scratch::Scratch(const ModelConfig& config)
    : x(to_size(config.n_embd)),
      normed(to_size(config.n_embd)),
      qkv(3 * to_size(config.n_embd)),
      attended(to_size(config.n_embd)),
      attention_out(to_size(config.n_embd)),
      inner(to_size(config.n_inner)),
      mlp_out(to_size(config.n_embd)),
      final_normed(to_size(config.n_embd)),
      logits(to_size(config.vocab_size)) {}

void Scratch::reserve(size_t rows) {
  for (Matrix* m : {&x, &normed, &qkv, &attended, &attention_out, &inner, &mlp_out})
    m->reserve(rows);
  for (Matrix* m : {&final_normed, &logits}) m->reserve(std::min(rows, kHeadRows));
}

void forward(Engine& engine, const ModelConfig& config, const Weights& weights,
             const RotaryTable& rotary, const BatchView& batch, Scratch& s, const Sinks& sinks) {
  s.reserve(batch.rows.size());
  embed(engine, weights.wte, batch.rows, s.x);
  const Pass pass(batch, to_size(config.n_head), engine.slices());
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    block(engine, config, weights.layers[i], i, rotary, pass, s);
  }
  final_states_and_logits(engine, config, weights, batch.rows, s, sinks);
}

}  // namespace gptj
