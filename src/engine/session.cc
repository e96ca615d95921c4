// SPDX-License-Identifier: Apache-2.0
#include "gptj/session.h"

#include <algorithm>

#include "base/check.h"
#include "engine/decoder.h"
#include "engine/model_state.h"
#include "engine/session_file.h"

namespace gptj {

struct Session::State {
  explicit State(const Model& m) : model(m), decoder(m) {}
  KvCache& cache() { return decoder.cache(); }

  Model model;
  Decoder decoder;
};

Session::Session(const Model& model) : state_(std::make_unique<State>(model)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

SequenceId Session::add_sequence() { return state_->cache().add(); }
SequenceId Session::fork(SequenceId source, int64_t length) {
  return state_->cache().fork(source, length);
}
void Session::truncate(SequenceId sequence, int64_t length) {
  state_->cache().truncate(sequence, length);
}
void Session::remove(SequenceId sequence) { state_->cache().remove(sequence); }
ForwardTimes Session::times() const { return state_->decoder.times(); }
int64_t Session::length(SequenceId sequence) const { return state_->cache().length(sequence); }

void Session::save(SequenceId sequence, std::span<const TokenId> ids,
                   const std::string& path) const {
  save_sequence(state_->model, state_->cache(), sequence, ids, path);
}

SequenceId Session::load(const std::string& path, std::vector<TokenId>* ids) {
  auto [sequence, tokens] = load_sequence(state_->model, state_->cache(), path);
  if (ids != nullptr) *ids = std::move(tokens);
  return sequence;
}

void Session::forward(std::span<const Row> rows, const LogitsSink& sink,
                      const HiddenSink& hidden_sink) {
  const bool wanted =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.wants_logits; });
  check(sink != nullptr || !wanted, ErrorCode::kInvalidArgument,
        "sink: expected a function for the logits that rows want, found none");
  const bool hidden =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.wants_hidden; });
  check(hidden_sink != nullptr || !hidden, ErrorCode::kInvalidArgument,
        "hidden_sink: expected a function for the hidden states that rows want, found none");
  state_->decoder.check_room(rows);
  const auto checked = [&](size_t row, std::span<const float> logits) {
    check_finite(logits, rows[row].position, state_->model.weight_type());
    sink(row, logits);
  };
  state_->decoder.forward(rows, checked, hidden_sink);
}

}  // namespace gptj
