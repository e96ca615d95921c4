// SPDX-License-Identifier: Apache-2.0
#include "generate/beam_task.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/elementary.h"
#include "engine/model_state.h"
#include "sampling/logits_processor.h"
#include "sampling/sample_state.h"

namespace gptj {

BeamTask::BeamTask(const Model& model, Request request, Plan plan)
    : Task(model, std::move(request), std::move(plan)), beams_(1) {
  beams_[0].ids = plan_.prompt;
}

int64_t BeamTask::generated() const {
  return static_cast<int64_t>(beams_[0].ids.size() - plan_.prompt.size());
}

std::vector<SequenceId> BeamTask::sequences() const {
  std::vector<SequenceId> all;
  for (const Beam& beam : beams_) {
    if (beam.sequence != kNoSequence) all.push_back(beam.sequence);
  }
  return all;
}

std::vector<std::span<const TokenId>> BeamTask::ids_of_sequences() const {
  std::vector<std::span<const TokenId>> all;
  for (const Beam& beam : beams_) {
    if (beam.sequence != kNoSequence) all.emplace_back(beam.ids);
  }
  return all;
}

void BeamTask::text_rows(const Decoder& decoder, size_t, size_t, std::vector<Row>& rows) {
  for (const Beam& beam : beams_) {
    rows.push_back({beam.ids.back(), beam.sequence, decoder.cache().length(beam.sequence), true});
  }
}

void BeamTask::accept_text(size_t i, std::span<const float> logits) {
  check_finite(logits, static_cast<int64_t>(beams_[i].ids.size()) - 1, model_.weight_type());
  add_continuations(i, logits);
}

// Adds the best 2 num_beams continuations of one beam. Its other continuations cannot rank among
// the best 2 num_beams of all beams.
void BeamTask::add_continuations(size_t parent, std::span<const float> logits) {
  const Beam& beam = beams_[parent];
  const LogSoftmax log_softmax(model_.state().kernels, logits);
  work_.resize(logits.size());
  for (size_t id = 0; id < work_.size(); ++id) work_[id] = log_softmax[static_cast<TokenId>(id)];
  mask_forbidden(model_, plan_, generated(), work_);
  apply_penalties(work_,
                  {beam.ids, plan_.prompt.size(), model_.config().eos_token_ids,
                   generated() + 1 == plan_.max_tokens},
                  plan_.sampling);
  change_logits(request_, static_cast<int64_t>(parent), beam.ids, work_);
  for (float& value : work_) value += beam.sum;

  std::vector<TokenLogprob> top;
  if (plan_.logprobs) top = log_softmax.best(static_cast<size_t>(*plan_.logprobs));
  for (const TokenId id : best_ids(work_, 2 * static_cast<size_t>(plan_.num_beams))) {
    const float sum = work_[static_cast<size_t>(id)];
    if (!std::isfinite(sum)) break;  // forbidden
    LogprobEntry entry;
    if (plan_.logprobs) entry = {log_softmax[id], top};
    continuations_.push_back({parent, id, sum, std::move(entry)});
  }
}

BeamTask::Beam BeamTask::continued(const Continuation& c) const {
  Beam beam = beams_[c.parent];
  beam.ids.push_back(c.id);
  if (plan_.logprobs) beam.logprobs.push_back(c.logprob);
  beam.sum = c.sum;
  return beam;
}

// Returns length^length_penalty.
double BeamTask::divisor(size_t length) const {
  return elementary::exp(plan_.length_penalty * elementary::log(static_cast<double>(length)));
}

float BeamTask::score_of(const Beam& beam) const {
  const bool ended = beam.reason == FinishReason::kStop;  // by an end token, which does not count
  return static_cast<float>(beam.sum / divisor(beam.ids.size() - (ended ? 1 : 0)));
}

// Adds a hypothesis to the list, which keeps the num_beams best. Of equal scores the first to come
// counts as the better.
void BeamTask::add_hypothesis(Beam beam, FinishReason reason) {
  beam.reason = reason;
  beam.score = score_of(beam);
  beam.sequence = kNoSequence;
  const auto place = std::find_if(hypotheses_.begin(), hypotheses_.end(),
                                  [&](const Beam& other) { return other.score < beam.score; });
  hypotheses_.insert(place, std::move(beam));
  if (hypotheses_.size() > static_cast<size_t>(plan_.num_beams)) hypotheses_.pop_back();
}

// Returns whether the search ends: there are num_beams hypotheses and, unless early_stopping is
// kYes, no beam's best continuation scores better than the worst of them. kNever with a positive
// length_penalty scores it at the greatest length, where the score is best.
bool BeamTask::is_done(float best_sum) const {
  if (hypotheses_.size() < static_cast<size_t>(plan_.num_beams)) return false;
  if (plan_.early_stopping == EarlyStopping::kYes) return true;
  size_t length = beams_[0].ids.size() + 1;
  if (plan_.early_stopping == EarlyStopping::kNever && plan_.length_penalty > 0) {
    length = plan_.prompt.size() + static_cast<size_t>(plan_.max_tokens);
  }
  return hypotheses_.back().score >= best_sum / divisor(length);
}

void BeamTask::end_text_step(Decoder& decoder) {
  rank(decoder);
  if (finished_) report_choices();
}

// Chooses the next beams and hypotheses from the continuations. Sets finished_ if the search ends.
void BeamTask::rank(Decoder& decoder) {
  std::stable_sort(continuations_.begin(), continuations_.end(),
                   [](const Continuation& a, const Continuation& b) { return a.sum > b.sum; });
  const auto num_beams = static_cast<size_t>(plan_.num_beams);
  if (continuations_.size() > 2 * num_beams) continuations_.resize(2 * num_beams);
  std::vector<Continuation> chosen;
  for (size_t rank = 0; rank < continuations_.size() && chosen.size() < num_beams; ++rank) {
    const Continuation& c = continuations_[rank];
    if (!ends_text(model_, plan_, c.id)) {
      chosen.push_back(c);
    } else if (rank < num_beams) {
      add_hypothesis(continued(c), FinishReason::kStop);
    }
  }
  if (continuations_.empty()) {
    check(generated() > 0, ErrorCode::kInvalidArgument, "position ", beams_[0].ids.size(),
          ": the request's options forbid every token");
    add_open_beams(FinishReason::kLength);
    finished_ = true;
    return;
  }
  const bool done = is_done(continuations_[0].sum);
  continuations_.clear();
  if (done) {
    finished_ = true;
    return;
  }
  go_on(decoder, chosen);
  if (beams_.empty()) {
    finished_ = true;
  } else if (generated() == plan_.max_tokens) {
    add_open_beams(FinishReason::kLength);
    finished_ = true;
  }
}

// Makes the chosen continuations the beams. The first child of a parent takes over its sequence,
// further children fork it, and the sequence of a parent without a child is removed.
void BeamTask::go_on(Decoder& decoder, const std::vector<Continuation>& chosen) {
  std::vector<Beam> next;
  std::vector<bool> taken(beams_.size());
  for (const Continuation& c : chosen) {
    Beam beam = continued(c);
    if (taken[c.parent]) {
      beam.sequence = decoder.cache().fork(beam.sequence, decoder.cache().length(beam.sequence));
    }
    taken[c.parent] = true;
    next.push_back(std::move(beam));
  }
  for (size_t i = 0; i < beams_.size(); ++i) {
    if (!taken[i]) decoder.cache().remove(beams_[i].sequence);
  }
  beams_ = std::move(next);
}

// Adds the open beams to the hypotheses.
void BeamTask::add_open_beams(FinishReason reason) {
  // Before the first token one beam stands for all num_beams.
  const int64_t copies = generated() == 0 ? plan_.num_beams : 1;
  for (const Beam& beam : beams_) {
    for (int64_t i = 0; i < copies; ++i) add_hypothesis(beam, reason);
  }
}

void BeamTask::end_text(FinishReason reason) {
  add_open_beams(reason);
  report_choices();
}

void BeamTask::report_choices() const {
  if (!request_.on_token) return;
  std::vector<Choice> all;
  choices(all);
  for (const Choice& choice : all) report_choice(choice);
}

// Reports the events that make up one choice. The request has ended, so the callback cannot cancel
// it.
void BeamTask::report_choice(const Choice& choice) const {
  const size_t echoed = plan_.echo ? plan_.prompt.size() : 0, size = choice.token_ids.size();
  TextStream stream;
  for (size_t i = 0; i < size; ++i) {
    TokenEvent event{.index = choice.index, .id = choice.token_ids[i], .echoed = i < echoed};
    if (event.echoed) {
      event.bytes = prompt_bytes(model_, plan_, i);
    } else if (!ends_text(model_, plan_, event.id)) {
      event.bytes = bytes_or_none(model_, event.id);
    }
    std::string text = stream.push(event.bytes);
    if (i >= echoed && i + 1 == size) {
      text += stream.finish();
      event.finish_reason = choice.finish_reason;
    }
    event.text = text;
    if (plan_.logprobs) {
      event.logprobs = &choice.logprobs[i];
      event.logprob = choice.logprobs[i].logprob.value_or(0);
    }
    request_.on_token(event);
  }
  if (size > echoed) return;
  const std::string rest = stream.finish();
  request_.on_token({.index = choice.index, .text = rest, .finish_reason = choice.finish_reason});
}

void BeamTask::begin_text(Decoder& decoder) {
  beams_[0].sequence = fork_prompt(decoder);
  add_continuations(0, prompt_.last_logits());
}

void BeamTask::release_text(Decoder& decoder) {
  for (Beam& beam : beams_) drop_sequence(decoder, beam.sequence);
}

int64_t BeamTask::choices(std::vector<Choice>& choices) const {
  const auto prompt = static_cast<std::ptrdiff_t>(plan_.prompt.size());
  int64_t made = 0;
  for (const Beam& beam : hypotheses_) {
    made += static_cast<int64_t>(beam.ids.size()) - prompt;
    if (choices.size() == static_cast<size_t>(plan_.n)) continue;
    Choice choice;
    choice.token_ids.assign(beam.ids.begin() + prompt, beam.ids.end());
    choice.finish_reason = beam.reason;
    choice.logprobs = beam.logprobs;
    choice.score = beam.score;
    std::string bytes;
    for (const TokenId id : choice.token_ids) {
      if (!ends_text(model_, plan_, id)) bytes += bytes_or_none(model_, id);
    }
    add_choice(std::move(choice), bytes, choices);
  }
  return made;
}

}  // namespace gptj
