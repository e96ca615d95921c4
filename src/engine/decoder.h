// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/forward.h"
#include "engine/kv_cache.h"
#include "gptj/session.h"

namespace gptj {

// The KV cache of some sequences and the working memory of their forward passes: a Session that
// hands out logits as they come, finite or not, and shows its cache. Belongs to one thread at a
// time.
class Decoder {
 public:
  explicit Decoder(const Model& model);

  KvCache& cache() { return cache_; }
  const KvCache& cache() const { return cache_; }
  const ForwardTimes& times() const { return engine_.times; }

  // As Session::forward, but that its caller sees to it that the pages fit the memory.
  void forward(std::span<const Row> rows, const LogitsSink& sink);
  // Throws kOutOfMemory with the figures where the pages that forward() would take do not fit the
  // memory that is left.
  void check_room(std::span<const Row> rows) const;

 private:
  void compute(std::span<const Row> rows, const LogitsSink& sink);

  Model model_;
  KvCache cache_;
  Engine engine_;
  Scratch scratch_;
};

// Throws kNotFinite, naming the position, if one of these is NaN or infinite.
void check_finite(std::span<const float> logits, int64_t position, WeightType weights);

}  // namespace gptj
