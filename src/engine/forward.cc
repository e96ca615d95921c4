// SPDX-License-Identifier: Apache-2.0
#include "engine/forward.h"

#include <algorithm>
#include <vector>

namespace gptj {
namespace {

size_t size(int64_t n) { return static_cast<size_t>(n); }

// Calls f(some) for the given rows of s.x, kHeadRows at a time, with ln_f of these rows in
// s.wanted.
template <class F>
void for_normed(Engine& engine, const ModelConfig& config, const Weights& weights,
                std::span<const size_t> rows, Scratch& s, const F& f) {
  for (size_t begin = 0; begin < rows.size(); begin += kHeadRows) {
    const auto some = rows.subspan(begin, std::min(kHeadRows, rows.size() - begin));
    // The layers are done, so s.attended is free to gather the rows: [some.size(), n_embd].
    for (size_t i = 0; i < some.size(); ++i) {
      std::copy_n(s.x.row(some[i]), s.x.columns(), s.attended.row(i));
    }
    layer_norm(engine, weights.ln_f, config.layer_norm_epsilon, s.attended, some.size(), s.wanted);
    f(some);
  }
}

// Hands the hidden states and the logits that rows want to the sinks.
void head(Engine& engine, const ModelConfig& config, const Weights& weights,
          std::span<const Row> rows, Scratch& s, const Sinks& sinks) {
  std::vector<size_t> hidden, wanted;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].wants_hidden) hidden.push_back(r);
    if (rows[r].wants_logits) wanted.push_back(r);
  }
  for_normed(engine, config, weights, hidden, s, [&](std::span<const size_t> some) {
    for (size_t i = 0; i < some.size(); ++i) {
      sinks.hidden(some[i], {s.wanted.row(i), s.wanted.columns()});
    }
  });
  for_normed(engine, config, weights, wanted, s, [&](std::span<const size_t> some) {
    // logits: [some.size(), vocab_size]
    linear(engine, {{weights.lm_head, s.wanted, s.logits}}, some.size());
    for (size_t i = 0; i < some.size(); ++i) {
      sinks.logits(some[i], {s.logits.row(i), s.logits.columns()});
    }
  });
}

}  // namespace

void block(Engine& engine, const ModelConfig& config, const Layer& layer, size_t index,
           const RotaryTable& rotary, const BatchView& batch, Scratch& s) {
  const size_t rows = batch.rows.size();
  // normed: [rows, n_embd]
  layer_norm(engine, layer.ln_1, config.layer_norm_epsilon, s.x, rows, s.normed);

  // qkv: [rows, 3 n_embd], inner: [rows, n_inner]
  linear(engine,
         {{layer.qkv, s.normed, s.qkv}, {layer.fc_in, s.normed, s.inner, Activation::kGelu}}, rows);
  // attended: [rows, n_embd]. Rotates q and k in s.qkv, and writes k and v into batch.cache.
  attention(engine, rotary, config, index, batch, s.qkv, s.attended);
  // attention_out, mlp_out: [rows, n_embd]
  linear(engine, {{layer.out, s.attended, s.attention_out}, {layer.fc_out, s.inner, s.mlp_out}},
         rows);

  add_branches(engine, s.attention_out, s.mlp_out, rows, s.x);
}

Scratch::Scratch(const ModelConfig& config)
    : x(size(config.n_embd)),
      normed(size(config.n_embd)),
      qkv(3 * size(config.n_embd)),
      attended(size(config.n_embd)),
      attention_out(size(config.n_embd)),
      inner(size(config.n_inner)),
      mlp_out(size(config.n_embd)),
      wanted(size(config.n_embd)),
      logits(size(config.vocab_size)) {}

void Scratch::reserve(size_t rows) {
  for (Matrix* m : {&x, &normed, &qkv, &attended, &attention_out, &inner, &mlp_out})
    m->reserve(rows);
  for (Matrix* m : {&wanted, &logits}) m->reserve(std::min(rows, kHeadRows));
}

void forward(Engine& engine, const ModelConfig& config, const Weights& weights,
             const RotaryTable& rotary, const BatchView& batch, Scratch& s, const Sinks& sinks) {
  s.reserve(batch.rows.size());
  embed(engine, weights.wte, batch.rows, s.x);
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    block(engine, config, weights.layers[i], i, rotary, batch, s);
  }
  head(engine, config, weights, batch.rows, s, sinks);
}

}  // namespace gptj
