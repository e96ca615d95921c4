// SPDX-License-Identifier: Apache-2.0
#include "engine/ops.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "kernels/pack.h"

namespace gptj {
Engine::Engine(const KernelTable& kernels, ThreadPool& pool, size_t head_dim,
               const RowReading& reading)
    : kernels_(kernels),
      pool_(pool),
      reading_(reading),
      scratch_floats_(padded(std::max(kProductScratch, attention_scratch(head_dim)))),
      scratch_(scratch_floats_ * pool.slices()) {}

namespace {

template <class T>
void reserve(AlignedBuffer<T>& buffer, size_t size) {
  if (buffer.size() < size) buffer = AlignedBuffer<T>(size);
}

}  // namespace

Rows Engine::prepare_input(size_t slot, const PackedMatrix& w, const Matrix& x, size_t rows) {
  const Operand operand = kernels_.product[w.element].operand;
  if (operand == Operand::kF32) return {x.row(0), x.stride()};
  if (inputs_.size() <= slot) inputs_.resize(slot + 1);
  InputBuffer& b = inputs_[slot];
  // A stride off the powers of two keeps rows off each other's cache sets.
  const size_t stride = padded_inputs(w.k) + 64;
  if (operand == Operand::kBF16) {
    reserve(b.halves, rows * stride);
    for_each(rows, [&](size_t r) {
      uint16_t* row = b.halves.data() + r * stride;
      kernels_.to_bf16(x.row(r), w.k, row);
      std::fill(row + w.k, row + padded_inputs(w.k), uint16_t{0});
    });
    return {b.halves.data(), stride};
  }
  const size_t groups = group_count(w.k, w.group);
  reserve(b.bytes, rows * stride);
  reserve(b.scales, rows * groups);
  reserve(b.sums, rows * groups);
  for_each(rows, [&](size_t r) {
    kernels_.quantize_row(x.row(r), w.k, w.group, b.bytes.data() + r * stride,
                          b.scales.data() + r * groups, b.sums.data() + r * groups);
  });
  return {b.bytes.data(), stride, b.scales.data(), b.sums.data(), groups};
}

void Engine::for_each(size_t n, const std::function<void(size_t i)>& f) {
  if (n == 1) return f(0);
  parallel([&](size_t slice) {
    const SliceRange range = slice_range(n, slice, slices());
    for (size_t i = range.begin; i < range.end; ++i) f(i);
  });
}

void embed(Engine& engine, const Embedding& wte, std::span<const Row> rows, Matrix& x) {
  const size_t row_bytes = x.columns() * element_size(wte.element);
  engine.for_each(rows.size(), [&](size_t r) {
    const auto token = static_cast<size_t>(rows[r].token);
    widen(wte.bytes.data() + token * row_bytes, wte.element, x.columns(), x.row(r));
  });
}

void layer_norm(Engine& engine, const LayerNorm& ln, float epsilon, const Matrix& x, size_t rows,
                Matrix& out) {
  engine.for_each(rows, [&](size_t r) {
    engine.kernels().layer_norm(x.row(r), ln.weight.data(), ln.bias.data(), epsilon, x.columns(),
                                out.row(r));
  });
}

namespace {

// Bytes of a product's output that stay in a core's cache until gelu runs over them.
constexpr size_t kCachedOutput = size_t{256} << 10;

// Returns how many panels a slice computes before gelu runs over their output: all for one row.
size_t panels_at_once(size_t panels, size_t rows) {
  constexpr size_t kFew = 8;  // a multiple of the number of panels that kernels take together
  if (rows == 1) return panels;
  return std::max(kFew, kCachedOutput / (rows * kLanes * sizeof(float)) / kFew * kFew);
}

// Computes the columns of one product that belong to the neighbouring slices `slices`. Returns the
// seconds that gelu took.
double linear_slices(Engine& engine, const Linear& l, const Rows& input, size_t rows,
                     SliceRange slices) {
  const PackedMatrix& w = l.w;
  const SliceRange panels{slice_range(w.n_panels(), slices.begin, engine.slices()).begin,
                          slice_range(w.n_panels(), slices.end - 1, engine.slices()).end};
  const size_t step = panels_at_once(panels.end - panels.begin, rows);
  double activation = 0;
  for (size_t begin = panels.begin; begin < panels.end; begin += step) {
    const size_t end = std::min(begin + step, panels.end);
    engine.kernels().product[w.element].compute(
        {.x = input,
         .rows = rows,
         .k = w.k,
         .group = w.group,
         .reading = engine.reading(),
         .panels = w.panels.data(),
         .first_panel = begin,
         .last_panel = end,
         .bias = w.bias.size() > 0 ? w.bias.data() : nullptr,
         .out = l.out.row(0),
         .out_stride = l.out.stride(),
         .scratch = engine.scratch(slices.begin)});
    if (l.activation != Activation::kGelu) continue;
    const auto start = Clock::now();
    for (size_t r = 0; r < rows; ++r) {
      engine.kernels().gelu(l.out.row(r) + begin * kLanes, (end - begin) * kLanes);
    }
    activation += seconds_since(start);
  }
  return activation;
}

}  // namespace

void linear(Engine& engine, std::initializer_list<Linear> products, size_t rows) {
  std::vector<Rows> inputs;
  const Linear* before = nullptr;
  for (const Linear& l : products) {
    const bool same = before != nullptr && &before->x == &l.x && before->w.element == l.w.element &&
                      before->w.group == l.w.group;
    inputs.push_back(same ? inputs.back() : engine.prepare_input(inputs.size(), l.w, l.x, rows));
    before = &l;
  }
  const auto start = Clock::now();
  double activation = 0;  // gelu's seconds in the first worker's slices, taken as those of all
  engine.parallel_ranges([&](SliceRange slices) {
    double seconds = 0;
    for (size_t i = 0; i < products.size(); ++i) {
      seconds += linear_slices(engine, products.begin()[i], inputs[i], rows, slices);
    }
    if (slices.begin == 0) activation = seconds;
  });
  engine.times.products += seconds_since(start) - activation;
}

void add_branches(Engine& engine, const Matrix& a, const Matrix& b, size_t rows, Matrix& x) {
  engine.for_each(rows, [&](size_t r) {
    engine.kernels().add_branches(x.row(r), a.row(r), b.row(r), x.columns());
  });
}

}  // namespace gptj
