// SPDX-License-Identifier: Apache-2.0
#include "model/decoder.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/float_environment.h"
#include "model/batch.h"
#include "model/model_state.h"

namespace gptj {
namespace {

// Rows computed at once: enough for the matrix unit, few enough that activations stay small.
constexpr size_t kChunkRows = 512;

// A bidirectional prompt is not cut, however long it is.
size_t chunk_end(std::span<const Row> rows, size_t first) {
  size_t end = std::min(first + kChunkRows, rows.size());
  const auto cuts = [&](size_t r) {
    return r < rows.size() && rows[r].prefix > 0 && rows[r].position > 0;
  };
  while (end > first && cuts(end)) --end;
  if (end > first) return end;
  for (end = first + 1; cuts(end);) ++end;
  return end;
}

}  // namespace

Decoder::Decoder(const Model& model)
    : model_(model),
      cache_(model.config(), element_of(model.kv_cache_type()), &model.state().clamped),
      engine_(model.state().kernels, model.state().pool,
              static_cast<size_t>(model.config().head_dim()), model.state().reading),
      scratch_(model.config()) {}

void Decoder::forward(std::span<const Row> rows, const LogitsSink& sink) {
  const DefaultFloatEnvironment environment;
  const auto start = Clock::now();
  const Model::State& m = model_.state();
  find_runs(rows, m.config, cache_);  // all of it proved before any is computed
  for (size_t first = 0, end = 0; first < rows.size(); first = end) {
    end = chunk_end(rows, first);
    const auto chunk = rows.subspan(first, end - first);
    const std::vector<Run> runs = find_runs(chunk, m.config, cache_);
    for (const Run& run : runs) {
      cache_.extend(chunk[run.first].sequence, static_cast<int64_t>(run.size));
    }
    gptj::forward(engine_, m.config, m.weights, m.rotary, {chunk, runs, cache_}, scratch_,
                  [&](size_t r, std::span<const float> logits) { sink(first + r, logits); });
  }
  engine_.times.all += seconds_since(start);
}

void check_finite(std::span<const float> logits, int64_t position, WeightType weights) {
  bool finite = true;
  for (const float value : logits) {
    finite &= (std::bit_cast<uint32_t>(value) & 0x7f800000u) != 0x7f800000u;
  }
  check(finite, ErrorCode::kNotFinite, "position ", position,
        ": a logit is not finite; the weights are damaged, or overflow in ",
        weight_type_name(weights));
}

}  // namespace gptj
