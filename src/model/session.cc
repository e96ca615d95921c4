// SPDX-License-Identifier: Apache-2.0
#include "gptj/session.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/float_environment.h"
#include "model/forward.h"
#include "model/model_state.h"

namespace gptj {
namespace {

// Rows computed at once: enough for the matrix unit, few enough that activations stay small.
constexpr size_t kChunkRows = 512;

bool all_finite(std::span<const float> values) {
  bool finite = true;
  for (const float value : values) {
    finite &= (std::bit_cast<uint32_t>(value) & 0x7f800000u) != 0x7f800000u;
  }
  return finite;
}

}  // namespace

struct Session::State {
  explicit State(const Model& m)
      : model(m),
        cache(m.config(), element_of(m.kv_cache_type())),
        engine(m.state().kernels, m.state().pool, static_cast<size_t>(m.config().head_dim()),
               m.state().streams),
        scratch(m.config()) {}

  void forward_chunk(std::span<const Row> rows, std::span<const Run> runs, size_t first,
                     const LogitsSink& sink);

  Model model;
  KvCache cache;
  Engine engine;
  Scratch scratch;
};

void Session::State::forward_chunk(std::span<const Row> rows, std::span<const Run> runs,
                                   size_t first, const LogitsSink& sink) {
  for (const Run& run : runs) {
    cache.extend(rows[run.first].sequence, static_cast<int64_t>(run.size));
  }
  const Model::State& m = model.state();
  gptj::forward(engine, m.config, m.weights, m.rotary, {rows, runs, cache}, scratch,
                [&](size_t r, std::span<const float> logits) {
                  check(all_finite(logits), ErrorCode::kNotFinite, "position ", rows[r].position,
                        ": a logit is not finite; the weights are damaged, or overflow in ",
                        weight_type_name(m.weight_type));
                  sink(first + r, logits);
                });
}

Session::Session(const Model& model) : state_(std::make_unique<State>(model)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

SequenceId Session::add_sequence() { return state_->cache.add(); }
SequenceId Session::fork(SequenceId source, int64_t length) {
  return state_->cache.fork(source, length);
}
void Session::truncate(SequenceId sequence, int64_t length) {
  state_->cache.truncate(sequence, length);
}
void Session::remove(SequenceId sequence) { state_->cache.remove(sequence); }
ForwardTimes Session::times() const { return state_->engine.times; }
int64_t Session::length(SequenceId sequence) const { return state_->cache.length(sequence); }

void Session::forward(std::span<const Row> rows, const LogitsSink& sink) {
  const DefaultFloatEnvironment environment;
  const auto start = Clock::now();
  find_runs(rows, state_->model.config(),
            state_->cache);  // all of it proved before any is computed
  for (size_t first = 0; first < rows.size(); first += kChunkRows) {
    const auto chunk = rows.subspan(first, std::min(kChunkRows, rows.size() - first));
    const std::vector<Run> runs = find_runs(chunk, state_->model.config(), state_->cache);
    state_->forward_chunk(chunk, runs, first, sink);
  }
  state_->engine.times.all += seconds_since(start);
}

}  // namespace gptj
