// SPDX-License-Identifier: Apache-2.0
// The named steps of a layer. Each step turns activations into activations, cuts its work into the
// pool's parts, and calls kernels. The result of a row never depends on the other rows or on the
// cut.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/batch.h"
#include "engine/kv_cache.h"
#include "engine/matrix.h"
#include "engine/rotary.h"
#include "weights/weights.h"

namespace gptj {

// The kernels, the threads and each part's working memory, which together run the arithmetic.
class Engine {
 public:
  Engine(const KernelTable& kernels, ThreadPool& pool, size_t head_dim,
         const RowReading& reading = {});

  const KernelTable& kernels() const { return kernels_; }
  size_t parts() const { return pool_.parts(); }
  const RowReading& reading() const { return reading_; }
  // Returns the first `rows` rows of x, in the element type that the product with `w` takes. f32
  // rows are returned as they are; others are converted into the engine's buffer number `buffer`.
  // Buffers are made when they are first named. The result is valid until the same buffer is used
  // again, or x changes.
  Rows operand(size_t buffer, const PackedMatrix& w, const Matrix& x, size_t rows);
  // Returns the working memory of one part: enough floats for any kernel.
  float* scratch(size_t part) { return scratch_.data() + part * scratch_floats_; }

  // Calls f(part) for every part.
  void run(const std::function<void(size_t part)>& f) { pool_.run(f); }
  // Calls f once for each worker, with the range of parts that the worker has.
  void run_ranges(const std::function<void(PartRange parts)>& f) { pool_.run_ranges(f); }
  // Calls f(i) for i = 0 .. n - 1, cut into parts. If n is 1, this thread does the work.
  void for_each(size_t n, const std::function<void(size_t i)>& f);

  ForwardTimes times;

 private:
  struct OperandBuffer {
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
  std::vector<OperandBuffer> operands_;
};

// The rows of one call, their runs, and the cache that holds their sequences.
struct BatchView {
  std::span<const Row> rows;
  std::span<const Run> runs;
  KvCache& cache;
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
               const BatchView& batch, Matrix& qkv, Matrix& out);

// x[r] += a[r] + b[r]
void add_branches(Engine& engine, const Matrix& a, const Matrix& b, size_t rows, Matrix& x);

}  // namespace gptj
