// SPDX-License-Identifier: Apache-2.0
// The named steps of a layer: each takes activations to activations, cuts its work into the pool's
// parts, and calls kernels. What a row becomes never depends on the other rows or on the cut.
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

// What runs the arithmetic: kernels, threads, and working memory for each part.
class Engine {
 public:
  Engine(const KernelTable& kernels, ThreadPool& pool, size_t head_dim,
         const RowReading& reading = {});

  const KernelTable& kernels() const { return kernels_; }
  size_t parts() const { return pool_.parts(); }
  const RowReading& reading() const { return reading_; }
  // Rows of x as the product with `w` takes them: themselves, or in a buffer of the engine's, of
  // which it has as many as are named.
  Rows operand(size_t buffer, const PackedMatrix& w, const Matrix& x, size_t rows);
  float* scratch(size_t part) { return scratch_.data() + part * scratch_floats_; }

  // Calls f(part) for every part.
  void run(const std::function<void(size_t part)>& f) { pool_.run(f); }
  // Calls f for the parts of each worker.
  void run_ranges(const std::function<void(PartRange parts)>& f) { pool_.run_ranges(f); }
  // Calls f(i) for i = 0 .. n - 1, cut into parts; a single one on this thread.
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

// The rows of one call: what attention and the cache need to know of them.
struct BatchView {
  std::span<const Row> rows;
  std::span<const Run> runs;
  KvCache& cache;
};

// x[r] = wte[token of r], widened to f32.
void embed(Engine& engine, const Embedding& wte, std::span<const Row> rows, Matrix& x);

// out[r] = layer_norm(x[r])
void layer_norm(Engine& engine, const LayerNorm& ln, float epsilon, const Matrix& x, size_t rows,
                Matrix& out);

// out = x W^T + bias; then gelu where `activation` says so.
enum class Activation { kNone, kGelu };
struct Linear {
  const PackedMatrix& w;
  const Matrix& x;
  Matrix& out;
  Activation activation = Activation::kNone;
};
// Those that wait for nothing but what is there already are one call: threads then walk through all
// of their weights without a pause.
void linear(Engine& engine, std::initializer_list<Linear> products, size_t rows);

// out[r] = softmax(q k^T / sqrt(head_dim)) v of each head over the positions up to r's own. Rotates
// q and k of every row ([q | k | v] of n_head heads each) by its position, and keeps k and v in the
// cache, rounded to its type: what every row reads, its own included.
void attention(Engine& engine, const RotaryTable& rotary, const ModelConfig& config, size_t layer,
               const BatchView& batch, Matrix& qkv, Matrix& out);

// x[r] += a[r] + b[r]
void add_branches(Engine& engine, const Matrix& a, const Matrix& b, size_t rows, Matrix& x);

}  // namespace gptj
