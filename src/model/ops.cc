// SPDX-License-Identifier: Apache-2.0
#include "model/ops.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/clock.h"
#include "kernels/pack.h"

namespace gptj {
namespace {

struct Heads {
  explicit Heads(const ModelConfig& config)
      : n(static_cast<size_t>(config.n_head)),
        dim(static_cast<size_t>(config.head_dim())),
        width(n * dim) {}
  size_t n, dim, width;
};

// One head over some rows of one run, few enough to spread a prompt's triangle evenly over threads:
// the unit that attention hands to a thread.
struct AttentionItem {
  size_t head;
  size_t first, rows;  // rows of the batch
  int64_t cost;        // keys read
};

// Head by head, of each head as many.
std::vector<AttentionItem> attention_items(const BatchView& batch, size_t n_head) {
  std::vector<AttentionItem> items;
  for (size_t head = 0; head < n_head; ++head) {
    for (const Run& run : batch.runs) {
      for (size_t done = 0; done < run.size; done += kAttentionRows) {
        const size_t first = run.first + done, rows = std::min(kAttentionRows, run.size - done);
        const int64_t last = batch.rows[first].position + static_cast<int64_t>(rows);
        items.push_back({head, first, rows, last * static_cast<int64_t>(rows)});
      }
    }
  }
  return items;
}

// Cuts the items into `parts` neighbouring ranges of nearly equal cost: part p takes
// items[begins[p]] .. items[begins[p + 1] - 1].
std::vector<size_t> equal_cost_ranges(const std::vector<AttentionItem>& items, size_t parts) {
  int64_t total = 0;
  for (const AttentionItem& item : items) total += item.cost;
  std::vector<size_t> begins(parts + 1, items.size());
  size_t part = 0;
  int64_t before = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto middle = static_cast<double>(before) + 0.5 * static_cast<double>(items[i].cost);
    const auto owner =
        static_cast<size_t>(middle * static_cast<double>(parts) / static_cast<double>(total));
    while (part <= std::min(owner, parts - 1)) begins[part++] = i;
    before += items[i].cost;
  }
  return begins;
}

}  // namespace

Engine::Engine(const KernelTable& kernels, ThreadPool& pool, size_t head_dim, size_t streams)
    : kernels_(kernels),
      pool_(pool),
      streams_(streams),
      scratch_floats_(padded(std::max(kProductScratch, attention_scratch(head_dim)))),
      scratch_(scratch_floats_ * pool.parts()) {}

namespace {

template <class T>
void reserve(AlignedBuffer<T>& buffer, size_t size) {
  if (buffer.size() < size) buffer = AlignedBuffer<T>(size);
}

}  // namespace

Rows Engine::operand(size_t buffer, const PackedMatrix& w, const Matrix& x, size_t rows) {
  const Operand operand = kernels_.product[static_cast<size_t>(w.element)].operand;
  if (operand == Operand::kF32) return {x.row(0), x.stride()};
  if (operands_.size() <= buffer) operands_.resize(buffer + 1);
  OperandBuffer& b = operands_[buffer];
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
  run([&](size_t part) {
    const PartRange range = part_range(n, part, parts());
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

// So many bytes of a product's output stay in a core's cache until they are looked at again.
constexpr size_t kCachedOutput = size_t{256} << 10;

// How many panels a part computes before it goes over what they gave: all of them for one row.
size_t panels_at_once(size_t panels, size_t rows) {
  constexpr size_t kFew = 8;  // a multiple of what kernels take together
  if (rows == 1) return panels;
  return std::max(kFew, kCachedOutput / (rows * kLanes * sizeof(float)) / kFew * kFew);
}

// The columns of one product that fall to a part. Returns the seconds that were not multiplying.
double linear_part(Engine& engine, const Linear& l, const Rows& operand, size_t rows, size_t part) {
  const PackedMatrix& w = l.w;
  const PartRange panels = part_range(w.n_panels(), part, engine.parts());
  const size_t step = panels_at_once(panels.end - panels.begin, rows);
  double activation = 0;
  for (size_t begin = panels.begin; begin < panels.end; begin += step) {
    const size_t end = std::min(begin + step, panels.end);
    engine.kernels().product[static_cast<size_t>(w.element)].compute(
        {operand, rows, w.k, w.group, engine.streams(), w.panels.data(), begin, end,
         w.bias.size() > 0 ? w.bias.data() : nullptr, l.out.row(0), l.out.stride(),
         engine.scratch(part)});
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
  std::vector<Rows> operands;
  const Linear* before = nullptr;
  for (const Linear& l : products) {
    const bool same = before != nullptr && &before->x == &l.x && before->w.element == l.w.element &&
                      before->w.group == l.w.group;
    operands.push_back(same ? operands.back() : engine.operand(operands.size(), l.w, l.x, rows));
    before = &l;
  }
  const auto start = Clock::now();
  double activation = 0;  // of the first part, which stands for all
  engine.run([&](size_t part) {
    double seconds = 0;
    for (size_t i = 0; i < products.size(); ++i) {
      seconds += linear_part(engine, products.begin()[i], operands[i], rows, part);
    }
    if (part == 0) activation = seconds;
  });
  engine.times.products += seconds_since(start) - activation;
}

namespace {

// Attention of one layer, item by item.
struct LayerAttention {
  void rotate_and_store(const AttentionItem& item, float* scratch) const {
    const size_t column = item.head * heads.dim;
    const SequenceId sequence = batch.rows[item.first].sequence;
    std::byte* const* pages = batch.cache.pages(sequence);
    const size_t offset = batch.cache.page_offset(layer, item.head);
    for (size_t r = item.first; r < item.first + item.rows; ++r) {
      const int64_t position = batch.rows[r].position;
      float* q = qkv.row(r) + column;
      float* k = q + heads.width;
      rotary.rotate(q, position);
      rotary.rotate(k, position);
      batch.cache.store(kernels, position, k, k + heads.width,
                        pages[static_cast<size_t>(position) / kPagePositions] + offset, scratch);
    }
  }

  // Once all keys and values that these rows see are stored.
  void attend(const AttentionItem& item, float* scratch) const {
    const size_t column = item.head * heads.dim;
    const Row& row = batch.rows[item.first];
    kernels.attention[static_cast<size_t>(batch.cache.element())](
        {.q = qkv.row(item.first) + column,
         .q_stride = qkv.stride(),
         .out = out.row(item.first) + column,
         .out_stride = out.stride(),
         .rows = item.rows,
         .first_position = static_cast<size_t>(row.position),
         .pages = reinterpret_cast<const void* const*>(batch.cache.pages(row.sequence)),
         .page_offset = batch.cache.page_offset(layer, item.head),
         .head_dim = heads.dim,
         .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(heads.dim))),
         .scratch = scratch});
  }

  const KernelTable& kernels;
  const RotaryTable& rotary;
  Heads heads;
  size_t layer;
  const BatchView& batch;
  Matrix& qkv;
  Matrix& out;
};

}  // namespace

void attention(Engine& engine, const RotaryTable& rotary, const ModelConfig& config, size_t layer,
               const BatchView& batch, Matrix& qkv, Matrix& out) {
  const auto start = Clock::now();
  const LayerAttention step{engine.kernels(), rotary, Heads(config), layer, batch, qkv, out};
  const std::vector<AttentionItem> items = attention_items(batch, step.heads.n);
  const std::vector<size_t> begins = equal_cost_ranges(items, engine.parts());
  const size_t per_head = items.size() / step.heads.n;
  const auto run = [&](size_t items_at_once, bool store, bool attend) {
    engine.run([&](size_t part) {
      float* scratch = engine.scratch(part);
      for (size_t i = begins[part]; i < begins[part + 1]; i += items_at_once) {
        const auto some = std::span(items).subspan(i, items_at_once);
        if (store)
          for (const AttentionItem& item : some) step.rotate_and_store(item, scratch);
        if (attend)
          for (const AttentionItem& item : some) step.attend(item, scratch);
      }
    });
  };
  const bool whole_heads = std::all_of(begins.begin(), begins.end(),
                                       [&](size_t begin) { return begin % per_head == 0; });
  if (whole_heads) {
    run(per_head, true, true);  // a head's rows wait for nothing but each other
  } else {
    run(1, true, false);
    run(1, false, true);
  }
  engine.times.attention += seconds_since(start);
}

void add_branches(Engine& engine, const Matrix& a, const Matrix& b, size_t rows, Matrix& x) {
  engine.for_each(rows, [&](size_t r) {
    engine.kernels().add_branches(x.row(r), a.row(r), b.row(r), x.columns());
  });
}

}  // namespace gptj
