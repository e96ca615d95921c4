// SPDX-License-Identifier: Apache-2.0
#include "generate/prompt_pass.h"

#include <algorithm>

#include "engine/model_state.h"
#include "generate/window.h"
#include "sampling/sample_state.h"

namespace gptj {

void drop_sequence(Decoder& decoder, SequenceId& sequence) {
  if (sequence != kNoSequence) decoder.cache().remove(sequence);
  sequence = kNoSequence;
}

PromptPass::PromptPass(const Model& model, const Plan& plan)
    : model_(model), plan_(plan), context_(static_cast<size_t>(model.config().n_positions)) {
  if (is_scored()) {
    logprobs_.emplace_back();  // nothing stands before the first token
  } else {
    begin_ = done_ = window_begin(plan.prompt.size(), context_);
  }
}

void PromptPass::begin_with(Decoder& decoder, SequenceId source, size_t length) {
  sequence_ = decoder.cache().fork(source, static_cast<int64_t>(length));
  done_ = begin_ + length;
  taken_ = length;
}

void PromptPass::give_back(Decoder& decoder) {
  if (done_ != begin_ + taken_) return;
  release(decoder);
  done_ = begin_;
  taken_ = 0;
}

void PromptPass::next_rows(Decoder& decoder, size_t room, std::vector<Row>& rows) {
  if (room > 0 && sequence_ == kNoSequence) sequence_ = decoder.cache().add();
  const size_t size = plan_.prompt.size();
  under_way_ = std::min(size, begin_ + context_) - done_;
  if (!plan_.prefix_lm || room == 0) under_way_ = std::min(room, under_way_);
  for (size_t i = done_; i < done_ + under_way_; ++i) {
    const bool last = i + 1 == size;
    const bool unscored = is_scored() && i + 1 >= logprobs_.size();
    rows.push_back({plan_.prompt[i], sequence_, static_cast<int64_t>(i - begin_),
                    last ? plan_.max_tokens > 0 : unscored,
                    plan_.prefix_lm ? static_cast<int64_t>(size) : 0});
  }
}

void PromptPass::accept(size_t i, std::span<const float> logits) {
  const size_t position = done_ + i;
  check_finite(logits, static_cast<int64_t>(position), model_.weight_type());
  if (position + 1 == plan_.prompt.size()) {
    last_logits_.assign(logits.begin(), logits.end());
    return;
  }
  const LogSoftmax log_softmax(model_.state().kernels, logits);
  logprobs_.push_back({log_softmax[plan_.prompt[position + 1]],
                       log_softmax.best(static_cast<size_t>(*plan_.logprobs))});
}

void PromptPass::end_step(Decoder& decoder) {
  done_ += under_way_;
  under_way_ = 0;
  if (done() || done_ < begin_ + context_) return;
  release(decoder);
  begin_ = done_ = window_begin(done_ + 1, context_);
}

void PromptPass::give_up() {
  if (is_scored()) logprobs_.resize(plan_.prompt.size());
}

void PromptPass::release(Decoder& decoder) { drop_sequence(decoder, sequence_); }

std::string PromptPass::bytes() const {
  std::string bytes;
  for (size_t i = 0; i < plan_.prompt.size(); ++i) bytes += prompt_bytes(model_, plan_, i);
  return bytes;
}

}  // namespace gptj
