// SPDX-License-Identifier: Apache-2.0
#include "convert/calibration.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/check.h"
#include "convert/rounding.h"
#include "engine/batch.h"
#include "engine/kv_cache.h"

namespace gptj {
namespace {

// Positions that go through a layer at once; fewer if the context is shorter.
constexpr size_t kWindow = 512;

size_t window_of(const ModelConfig& config) {
  return std::min(kWindow, static_cast<size_t>(config.n_positions));
}

size_t windows_of(const ModelConfig& config, size_t tokens) {
  return (tokens + window_of(config) - 1) / window_of(config);
}

// Returns the config with one layer, because keys and values of one layer are enough at a time.
ModelConfig of_one_layer(ModelConfig config) {
  config.n_layer = 1;
  return config;
}

}  // namespace

Calibration::Calibration(const ModelConfig& config, const Packing& packing,
                         const KernelTable& kernels, ThreadPool& pool, const Embedding& wte,
                         std::span<const TokenId> ids, Step step)
    : config_(of_one_layer(config)),
      packing_(packing),
      kernels_(kernels),
      pool_(pool),
      rotary_(config),
      ids_(ids.begin(), ids.end()),
      step_(std::move(step)),
      engine_(kernels, pool, static_cast<size_t>(config.head_dim())),
      scratch_(config),
      x_(static_cast<size_t>(config.n_embd)) {
  std::vector<Row> rows;
  for (const TokenId id : ids_) rows.push_back({id, 0, 0, false});
  x_.reserve(rows.size());
  embed(engine_, wte, rows, x_);
}

// Runs the text through the layer and calls done(first, rows) after every window: row r of the
// scratch then belongs to token first + r.
template <class Function>
void Calibration::run(const Layer& layer, const Function& done) {
  const size_t window = window_of(config_);
  for (size_t first = 0; first < ids_.size(); first += window) {
    const size_t n = std::min(window, ids_.size() - first);
    KvCache cache(config_, Element::kF32);
    const SequenceId sequence = cache.add();
    std::vector<Row> rows;
    for (size_t i = 0; i < n; ++i) {
      rows.push_back({ids_[first + i], sequence, static_cast<int64_t>(i), false});
    }
    const std::vector<RowSpan> spans = find_row_spans(rows, config_, cache);
    cache.extend(sequence, static_cast<int64_t>(n));
    scratch_.reserve(n);
    for (size_t r = 0; r < n; ++r) {
      std::copy_n(x_.row(first + r), x_.columns(), scratch_.x.row(r));
    }
    const Pass pass({rows, spans, cache}, static_cast<size_t>(config_.n_head), engine_.slices());
    block(engine_, config_, layer, 0, rotary_, pass, scratch_);
    done(first, n);
    step_();
  }
}

PackedMatrix Calibration::quantized(const MatrixSpec& spec, PackedMatrix exact,
                                    const UpperFactor& factor) {
  PackedMatrix m = unpacked_matrix(spec, packing_);
  check(round_with_feedback(exact, factor, kernels_, pool_, m), ErrorCode::kUnsupported, spec.name,
        " holds weights beyond the range of ", weight_type_name(m.element),
        "; use `weights` bf16 or f32");
  m.bias = std::move(exact.bias);
  return m;
}

Layer Calibration::layer(int64_t index, Layer exact) {
  const auto width = static_cast<size_t>(config_.n_embd);
  SecondMoments normed(width, kernels_, pool_), attended(width, kernels_, pool_);
  SecondMoments inner(static_cast<size_t>(config_.n_inner), kernels_, pool_);
  run(exact, [&](size_t, size_t n) {
    normed.add(scratch_.normed, n);
    attended.add(scratch_.attended, n);
    inner.add(scratch_.inner, n);
  });
  const auto specs = layer_matrices(config_, index);
  Layer result;
  const auto round = [&](SecondMoments& moments, std::initializer_list<size_t> matrices) {
    const UpperFactor factor = moments.factor();
    for (const size_t i : matrices) {
      *result.matrices()[i] = quantized(specs[i], std::move(*exact.matrices()[i]), factor);
    }
    step_();
  };
  round(normed, {0, 1});
  round(attended, {2});
  round(inner, {3});
  result.ln_1 = std::move(exact.ln_1);
  run(result, [&](size_t first, size_t n) {
    for (size_t r = 0; r < n; ++r) {
      std::copy_n(scratch_.x.row(r), x_.columns(), x_.row(first + r));
    }
  });
  return result;
}

PackedMatrix Calibration::head(const LayerNorm& final_norm, PackedMatrix exact) {
  SecondMoments wanted(static_cast<size_t>(config_.n_embd), kernels_, pool_);
  const size_t rows = ids_.size();
  layer_norm(engine_, final_norm, config_.layer_norm_epsilon, x_, rows, x_);
  wanted.add(x_, rows);
  PackedMatrix result = quantized(head_matrix(config_), std::move(exact), wanted.factor());
  step_();
  return result;
}

uint64_t Calibration::steps(const ModelConfig& config, size_t tokens) {
  constexpr uint64_t kMoments = 3;  // groups of matrices of a layer
  return static_cast<uint64_t>(config.n_layer) * (2 * windows_of(config, tokens) + kMoments) + 1;
}

uint64_t Calibration::bytes(const ModelConfig& config, size_t tokens) {
  const auto width = static_cast<size_t>(config.n_embd),
             inner = static_cast<size_t>(config.n_inner);
  uint64_t exact = 0;
  for (const MatrixSpec& spec : layer_matrices(config, 0)) exact += padded(spec.n) * spec.k * 4;
  const size_t window = window_of(config);
  const uint64_t activations = (tokens + window) * padded(width) * sizeof(float) +
                               window * (8 * padded(width) + padded(inner)) * sizeof(float);
  const uint64_t layer = 2 * exact + SecondMoments::bytes(inner) + 2 * SecondMoments::bytes(width);
  const MatrixSpec spec = head_matrix(config);
  const uint64_t head = 2 * padded(spec.n) * spec.k * sizeof(float) + SecondMoments::bytes(width);
  return activations + std::max(layer, head);
}

}  // namespace gptj
