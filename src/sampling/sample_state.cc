// SPDX-License-Identifier: Apache-2.0
#include "sampling/sample_state.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/random.h"
#include "engine/model_state.h"
#include "sampling/distribution.h"
#include "sampling/logits_processor.h"

namespace gptj {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

}  // namespace

std::string_view bytes_or_none(const Model& model, TokenId id) {
  const Tokenizer* tokenizer = model.tokenizer();
  return tokenizer != nullptr && tokenizer->has(id) ? tokenizer->token_bytes(id)
                                                    : std::string_view();
}

std::string_view prompt_bytes(const Model& model, const Plan& plan, size_t i) {
  return plan.bos_for_empty ? std::string_view() : bytes_or_none(model, plan.prompt[i]);
}

bool ends_text(const Model& model, const Plan& plan, TokenId id) {
  const auto& ends = model.config().eos_token_ids;
  return !plan.ignore_eos && std::find(ends.begin(), ends.end(), id) != ends.end();
}

void mask_forbidden(const Model& model, const Plan& plan, int64_t generated,
                    std::span<float> logits) {
  for (const TokenId id : model.state().unnamed_ids) logits[static_cast<size_t>(id)] = kForbidden;
  if (plan.ignore_eos || generated >= plan.min_tokens) return;
  for (const TokenId end : model.config().eos_token_ids) {
    logits[static_cast<size_t>(end)] = kForbidden;
  }
}

void change_logits(const Request& request, int64_t index, std::span<const TokenId> ids,
                   std::span<float> logits) {
  if (!request.on_logits) return;
  request.on_logits(index, ids, logits);
  const auto is_wrong = [](float logit) {
    return !(logit < std::numeric_limits<float>::infinity());
  };
  const auto wrong = std::find_if(logits.begin(), logits.end(), is_wrong);
  if (wrong == logits.end()) return;
  check_param(false, "on_logits", "position ", ids.size(),
              ": expected finite logits, or -inf for tokens that must not come, found ", *wrong,
              " for token ", wrong - logits.begin());
}

SampleState::SampleState(const Model& model, const Request& request, const Plan& plan,
                         int64_t index)
    : model_(model),
      request_(request),
      plan_(plan),
      index_(index),
      ids_(plan.prompt),
      stop_text_(plan.stop) {
  if (plan.echo || !plan.logprobs) return;
  for (size_t i = 0; i < plan.prompt.size(); ++i) offsets_.push(prompt_bytes(model, plan, i));
}

TokenEvent SampleState::echo(size_t i, const LogprobEntry* entry) {
  TokenEvent event{.index = index_, .id = plan_.prompt[i], .echoed = true};
  event.bytes = prompt_bytes(model_, plan_, i);
  // The prompt may end inside a character, which the first tokens finish.
  new_text_ = stream_.push(event.bytes);
  event.text = new_text_;
  if (entry != nullptr) {
    echoed_entry_ = *entry;
    set_offset(echoed_entry_, event.bytes);
    event.logprob = entry->logprob.value_or(0);
    event.logprobs = &echoed_entry_;
  }
  return event;
}

void SampleState::set_offset(LogprobEntry& entry, std::string_view bytes) {
  if (model_.tokenizer() != nullptr) entry.text_offset = offsets_.push(bytes);
}

TokenId SampleState::choose(std::span<const float> logits) {
  work_.assign(logits.begin(), logits.end());
  mask_forbidden(model_, plan_, generated(), work_);
  apply_penalties(work_,
                  {ids_, plan_.prompt.size(), model_.config().eos_token_ids,
                   generated() + 1 == plan_.max_tokens},
                  plan_.sampling);
  change_logits(request_, index_, ids_, work_);
  if (plan_.sampling.temperature > 0) {
    Distribution distribution = final_distribution(work_, plan_.sampling);
    return sample(distribution, random_uniform(static_cast<uint64_t>(plan_.seed),
                                               static_cast<uint64_t>(index_), ids_.size()));
  }
  const TokenId best = argmax(work_);
  check(work_[static_cast<size_t>(best)] != kForbidden, ErrorCode::kInvalidArgument, "position ",
        ids_.size(), ": the request's options forbid every token");
  return best;
}

// Appends the token to the ids and, unless it ends the text, its bytes to the text, as far as these
// are certain.
void SampleState::take(TokenId id) {
  ids_.push_back(id);
  new_text_.clear();
  const bool ends = ends_text(model_, plan_, id);
  if (ends) {
    finish_reason_ = FinishReason::kStop;
  } else {
    emit(stop_text_.push(bytes_or_none(model_, id), generated() >= plan_.min_tokens));
    if (stop_text_.stopped()) {
      finish_reason_ = FinishReason::kStop;
    } else if (generated() == plan_.max_tokens) {
      finish_reason_ = FinishReason::kLength;
    }
  }
  if (finished()) finish_text();
}

void SampleState::emit(std::string_view bytes) {
  bytes_ += bytes;
  new_text_ += stream_.push(bytes);
}

void SampleState::finish_text() {
  emit(stop_text_.finish());
  new_text_ += stream_.finish();
}

TokenEvent SampleState::accept(std::span<const float> logits) {
  const TokenId id = choose(logits);
  const LogSoftmax log_softmax(model_.state().kernels, logits);
  const float logprob = log_softmax[id];
  logprob_sum_ += logprob;
  if (plan_.logprobs) {
    logprobs_.push_back({logprob, log_softmax.best(static_cast<size_t>(*plan_.logprobs))});
  }
  take(id);
  TokenEvent event{.index = index_, .id = id, .logprob = logprob};
  if (!ends_text(model_, plan_, id)) event.bytes = bytes_or_none(model_, id);
  event.text = new_text_;
  if (plan_.logprobs) {
    set_offset(logprobs_.back(), event.bytes);
    event.logprobs = &logprobs_.back();
  }
  event.finish_reason = finish_reason_;
  return event;
}

TokenEvent SampleState::end(FinishReason reason) {
  finish_reason_ = reason;
  new_text_.clear();
  finish_text();
  return {.index = index_, .text = new_text_, .finish_reason = reason};
}

double SampleState::mean_logprob() const {
  return generated() == 0 ? 0.0 : logprob_sum_ / static_cast<double>(generated());
}

Choice SampleState::choice() const {
  Choice choice;
  choice.token_ids.assign(ids_.begin() + static_cast<std::ptrdiff_t>(plan_.prompt.size()),
                          ids_.end());
  choice.finish_reason = finish_reason_.value_or(FinishReason::kLength);
  choice.logprobs = logprobs_;
  return choice;
}

}  // namespace gptj
