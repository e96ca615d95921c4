// SPDX-License-Identifier: Apache-2.0
#include "generate/sampling_task.h"

#include <algorithm>

#include "kernels/kernels.h"
#include "model/model_state.h"

namespace gptj {
namespace {

size_t pages_for(size_t positions) { return (positions + kPagePositions - 1) / kPagePositions; }

}  // namespace

SamplingTask::SamplingTask(const Model& model, Request request, Plan plan)
    : model_(model), request_(std::move(request)), plan_(std::move(plan)), start_(Clock::now()) {
  for (int64_t i = 0; i < plan_.best_of; ++i) {
    samples_.push_back({SampleState(model_, request_, plan_, i)});
  }
  if (scores_prompt()) prompt_logprobs_.emplace_back();  // nothing stands before the first token
}

size_t SamplingTask::pages() const {
  const size_t prompt = plan_.prompt.size();
  if (plan_.max_tokens == 0) return pages_for(prompt);
  // The last token made is never computed; whole pages of the prompt are shared.
  const size_t shared = prompt / kPagePositions;
  const size_t all = pages_for(prompt + static_cast<size_t>(plan_.max_tokens) - 1);
  return shared + samples_.size() * (all - shared);
}

void SamplingTask::next_rows(Decoder& decoder, size_t room, std::vector<Row>& rows) {
  owners_.clear();
  under_way_ = 0;
  if (in_prompt()) return prompt_rows(decoder, room, rows);
  for (size_t i = 0; i < samples_.size(); ++i) {
    const Sample& sample = samples_[i];
    if (sample.state.finished()) continue;
    rows.push_back(
        {sample.state.last(), sample.sequence, decoder.cache().length(sample.sequence), true});
    owners_.push_back(i);
  }
}

void SamplingTask::prompt_rows(Decoder& decoder, size_t room, std::vector<Row>& rows) {
  if (room > 0 && prompt_sequence_ == kNone) prompt_sequence_ = decoder.cache().add();
  const size_t size = plan_.prompt.size();
  under_way_ = std::min(room, size - done_);
  for (size_t i = done_; i < done_ + under_way_; ++i) {
    const bool last = i + 1 == size;
    rows.push_back({plan_.prompt[i], prompt_sequence_, static_cast<int64_t>(i),
                    last ? plan_.max_tokens > 0 : scores_prompt()});
  }
}

void SamplingTask::accept(size_t i, std::span<const float> logits) {
  if (under_way_ > 0) {
    accept_prompt(done_ + i, logits);
  } else {
    accept_token(samples_[owners_[i]], logits);
  }
}

void SamplingTask::accept_prompt(size_t position, std::span<const float> logits) {
  if (position + 1 == plan_.prompt.size()) {
    logits_.assign(logits.begin(), logits.end());
    return;
  }
  const LogSoftmax log_softmax(model_.state().kernels, logits);
  prompt_logprobs_.push_back({log_softmax[plan_.prompt[position + 1]],
                              log_softmax.best(static_cast<size_t>(*plan_.logprobs))});
}

void SamplingTask::accept_token(Sample& sample, std::span<const float> logits) {
  if (stopped_) return;
  const TokenEvent event = sample.state.accept(logits);
  if (request_.on_token && request_.on_token(event) == Progress::kCancel) stopped_ = true;
}

void SamplingTask::begin_samples(Decoder& decoder) {
  prompt_seconds_ = seconds_since(start_);
  if (plan_.max_tokens == 0) {
    finished_ = true;
    return;
  }
  for (Sample& sample : samples_) {
    const bool last = &sample == &samples_.back();
    sample.sequence =
        last ? prompt_sequence_
             : decoder.cache().fork(prompt_sequence_, static_cast<int64_t>(plan_.prompt.size()));
    if (last) prompt_sequence_ = kNone;
    accept_token(sample, logits_);
  }
}

void SamplingTask::end_step(Decoder& decoder) {
  const bool ends_prompt = under_way_ > 0 && done_ + under_way_ == plan_.prompt.size();
  done_ += under_way_;
  if (ends_prompt) begin_samples(decoder);
  if (in_prompt()) return;
  if (stopped_) return cancel();
  finished_ = true;
  for (Sample& sample : samples_) {
    if (plan_.max_tokens > 0 && !sample.state.finished()) {
      finished_ = false;
    } else if (sample.sequence != kNone) {
      decoder.cache().remove(sample.sequence);
      sample.sequence = kNone;
    }
  }
  if (finished_) decode_seconds_ = seconds_since(start_) - prompt_seconds_;
}

void SamplingTask::cancel() {
  for (Sample& sample : samples_) sample.state.cancel();
  // A cancelled prompt is scored in part: what is missing stays without a logprob.
  if (scores_prompt()) prompt_logprobs_.resize(plan_.prompt.size());
  (in_prompt() ? prompt_seconds_ : decode_seconds_) = seconds_since(start_) - prompt_seconds_;
  finished_ = true;
}

void SamplingTask::release(Decoder& decoder) {
  if (prompt_sequence_ != kNone) decoder.cache().remove(prompt_sequence_);
  prompt_sequence_ = kNone;
  for (Sample& sample : samples_) {
    if (sample.sequence != kNone) decoder.cache().remove(sample.sequence);
    sample.sequence = kNone;
  }
}

Choice SamplingTask::choice_of(const SampleState& state) const {
  Choice choice = state.choice();
  std::string bytes = state.bytes();
  if (plan_.echo) {
    choice.token_ids.insert(choice.token_ids.begin(), plan_.prompt.begin(), plan_.prompt.end());
    choice.logprobs.insert(choice.logprobs.begin(), prompt_logprobs_.begin(),
                           prompt_logprobs_.end());
    std::string prompt;
    if (!plan_.bos_for_empty) {
      for (const TokenId id : plan_.prompt) prompt += bytes_or_none(model_, id);
    }
    bytes = prompt + bytes;
  }
  if (model_.tokenizer() != nullptr) choice.text = to_valid_utf8(bytes);
  return choice;
}

// The n to return: of more, the best by mean logprob, best first.
std::vector<const SamplingTask::Sample*> SamplingTask::best_samples() const {
  std::vector<const Sample*> best;
  for (const Sample& sample : samples_) best.push_back(&sample);
  if (plan_.best_of > plan_.n) {
    std::stable_sort(best.begin(), best.end(), [](const Sample* a, const Sample* b) {
      return a->state.mean_logprob() > b->state.mean_logprob();
    });
    best.resize(static_cast<size_t>(plan_.n));
  }
  return best;
}

Completion SamplingTask::result() const {
  Completion completion;
  completion.seed = plan_.seed;
  completion.usage.prompt_tokens = static_cast<int64_t>(plan_.prompt.size());
  for (const Sample& sample : samples_) {
    completion.usage.completion_tokens += sample.state.generated();
  }
  completion.usage.total_tokens =
      completion.usage.prompt_tokens + completion.usage.completion_tokens;
  for (const Sample* sample : best_samples()) {
    completion.choices.push_back(choice_of(sample->state));
    completion.choices.back().index = static_cast<int64_t>(completion.choices.size()) - 1;
  }
  completion.prompt_seconds = prompt_seconds_;
  completion.decode_seconds = decode_seconds_;
  return completion;
}

std::unique_ptr<Task> make_task(const Model& model, Request request) {
  Plan plan = make_plan(request, model);
  return std::make_unique<SamplingTask>(model, std::move(request), std::move(plan));
}

}  // namespace gptj
