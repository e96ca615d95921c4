// SPDX-License-Identifier: Apache-2.0
// The named steps of a layer. Each step turns activations into activations, cuts its work into the
// pool's slices, and calls kernels. The result of a row never depends on the other rows or on the
// cut.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/attention_plan.h"
#include "engine/batch.h"
#include "engine/kv_cache.h"
#include "engine/matrix.h"
#include "engine/rotary.h"
#include "weights/weights.h"

namespace gptj {

// The kernels, the threads and each slice's working memory, which together run the arithmetic.
class Engine {
 public:
  Engine(const KernelTable& kernels, ThreadPool& pool, size_t head_dim,
         const RowReading& reading = {});

  const KernelTable& kernels() const { return kernels_; }
  size_t slices() const { return pool_.slices(); }
  const RowReading& reading() const { return reading_; }
  // Converts the first `rows` rows of x to the element type that the product with `w` takes, and
  // returns them. `slot` selects one of the engine's buffers for that, which are made when they are
  // first named; f32 rows are returned as they are. The result is valid until the same slot is used
  // again, or x changes.
  Rows prepare_input(size_t slot, const PackedMatrix& w, const Matrix& x, size_t rows);
  // Returns the working memory of one slice: enough floats for any kernel.
  float* scratch(size_t slice) { return scratch_.data() + slice * scratch_floats_; }

  // Calls f(slice) for every slice.
  void parallel(const std::function<void(size_t slice)>& f) { pool_.parallel(f); }
  // Calls f once for each worker, with the range of slices that the worker has.
  void parallel_ranges(const std::function<void(SliceRange slices)>& f) {
    pool_.parallel_ranges(f);
  }
  // Calls f(i) for i = 0 .. n - 1, cut into slices. If n is 1, this thread does the work.
  void for_each(size_t n, const std::function<void(size_t i)>& f);

  ForwardTimes times;

 private:
  struct InputBuffer {
    AlignedBuffer<int8_t> bytes;
    AlignedBuffer<uint16_t> halves;
    AlignedBuffer<float> scales;
    AlignedBuffer<int32_t> sums;
  };
  const KernelTable& kernels_;
  ThreadPool& pool_;
  RowReading reading_;
  size_t scratch_floats_;
  AlignedBuffer<float> scratch_;
  std::vector<InputBuffer> inputs_;
};

// Looks up embeddings: x[r] = wte[rows[r].token], widened to f32. x: [rows, n_embd].
void embed(Engine& engine, const Embedding& wte, std::span<const Row> rows, Matrix& x);

// out[r] = layer_norm(x[r])
void layer_norm(Engine& engine, const LayerNorm& ln, float epsilon, const Matrix& x, size_t rows,
                Matrix& out);

// One product: out = x W^T + bias, then gelu if `activation` is kGelu.
// x: [rows, w.k], out: [rows, w.n].
enum class Activation { kNone, kGelu };
struct Linear {
  const PackedMatrix& w;
  const Matrix& x;
  Matrix& out;
  Activation activation = Activation::kNone;
};
// Computes independent products in one parallel region, so that threads walk through all of their
// weights without waiting for each other in between. REQUIRES: no product's x is another's out.
void linear(Engine& engine, std::initializer_list<Linear> products, size_t rows);

// Computes out[r] = softmax(q k^T / sqrt(head_dim)) v for each head, over the positions up to row
// r's own (in a bidirectional prompt: over the whole prompt). qkv: [rows, 3 n_embd], a row being
// [q | k | v] with n_head heads each; out: [rows, n_embd]. Rotates q and k of every row in place,
// by the row's position. Writes k and v into the cache, rounded to the cache's type; every row
// reads these rounded keys and values, its own included.
void attention(Engine& engine, const RotaryTable& rotary, const ModelConfig& config, size_t layer,
               const Pass& pass, Matrix& qkv, Matrix& out);

// x[r] += a[r] + b[r]
void add_branches(Engine& engine, const Matrix& a, const Matrix& b, size_t rows, Matrix& x);

}  // namespace gptj
