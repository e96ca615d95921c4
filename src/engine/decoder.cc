// SPDX-License-Identifier: Apache-2.0
#include "engine/decoder.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/float_environment.h"
#include "engine/batch.h"
#include "engine/kv_room.h"
#include "engine/model_state.h"

namespace gptj {
namespace {

// Rows computed at once: enough for the matrix unit, few enough that activations stay small.
constexpr size_t kChunkRows = 512;

// Returns the end of the chunk of rows that begins at `first`. A chunk never cuts a bidirectional
// prompt: it ends before the prompt, or takes the whole prompt, however long the prompt is.
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
      cache_(model.config(), model.kv_cache_type(), &model.state().kv_cache_overflows),
      engine_(model.state().kernels, model.state().pool,
              static_cast<size_t>(model.config().head_dim()), model.state().reading),
      scratch_(model.config()) {}

void Decoder::forward(std::span<const Row> rows, const LogitsSink& sink,
                      const HiddenSink& hidden_sink) {
  const DefaultFloatEnvironment environment;
  const auto start = Clock::now();
  // Check all rows before the first chunk is computed.
  const std::vector<RowSpan> spans = find_row_spans(rows, model_.config(), cache_);
  try {
    compute(rows, {sink, hidden_sink});
  } catch (...) {
    for (const RowSpan& span : spans) {
      const Row& row = rows[span.first];
      if (cache_.length(row.sequence) > row.position) cache_.truncate(row.sequence, row.position);
    }
    throw;
  }
  engine_.times.all += seconds_since(start);
}

void Decoder::check_room(std::span<const Row> rows) const {
  const auto begins_page = [&](const Row& row) {
    return cache_.begins_page(row.sequence, row.position);
  };
  const auto pages = static_cast<size_t>(std::count_if(rows.begin(), rows.end(), begins_page));
  if (pages <= cache_.spare_pages()) return;
  const size_t used = cache_.held_pages() - cache_.spare_pages();
  check_kv_room(cache_, used + pages, kv_room(model_, cache_.held_bytes()), "session",
                "remove sequences, or compute fewer rows");
}

void Decoder::compute(std::span<const Row> rows, const Sinks& sinks) {
  const Model::State& m = model_.state();
  for (size_t first = 0, end = 0; first < rows.size(); first = end) {
    end = chunk_end(rows, first);
    const auto chunk = rows.subspan(first, end - first);
    const std::vector<RowSpan> spans = find_row_spans(chunk, m.config, cache_);
    scratch_.reserve(chunk.size());
    for (const RowSpan& span : spans) {
      cache_.extend(chunk[span.first].sequence, static_cast<int64_t>(span.size));
    }
    const LogitsSink logits_sink = [&](size_t r, std::span<const float> logits) {
      sinks.logits(first + r, logits);
    };
    const HiddenSink hidden_sink = [&](size_t r, std::span<const float> hidden) {
      sinks.hidden(first + r, hidden);
    };
    gptj::forward(engine_, m.config, m.weights, m.rotary, {chunk, spans, cache_}, scratch_,
                  {logits_sink, hidden_sink});
  }
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
