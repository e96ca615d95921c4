// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/forward.h"
#include "engine/kv_cache.h"
#include "gptj/session.h"

namespace gptj {

// The KV cache of some sequences and the working memory of their forward passes. A decoder is a
// Session that hands out logits without checking that they are finite, and that gives access to its
// cache. It belongs to one thread at a time.
class Decoder {
 public:
  explicit Decoder(const Model& model);

  KvCache& cache() { return cache_; }
  const KvCache& cache() const { return cache_; }
  const ForwardTimes& times() const { return engine_.times; }

  // Computes the rows as Session::forward does, but checks neither memory nor logits.
  // REQUIRES: the pages of the rows fit the memory; check_room() tells.
  void forward(std::span<const Row> rows, const LogitsSink& sink,
               const HiddenSink& hidden_sink = {});
  // Throws kOutOfMemory, with the figures, if the pages that forward() would take for these rows do
  // not fit the memory that is left.
  void check_room(std::span<const Row> rows) const;

 private:
  void compute(std::span<const Row> rows, const Sinks& sinks);

  Model model_;
  KvCache cache_;
  Engine engine_;
  Scratch scratch_;
};

// Throws kNotFinite if one of the logits is NaN or infinite. The message names the position and the
// type of the weights.
void check_finite(std::span<const float> logits, int64_t position, WeightType weights);

}  // namespace gptj
