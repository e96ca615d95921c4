// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/clock.h"
#include "generate/sample_state.h"
#include "generate/task.h"

namespace gptj {

// One prompt, continued by one or more samples (or greedily), which share what was computed of it.
class SamplingTask : public Task {
 public:
  SamplingTask(const Model& model, Request request, Plan plan);

  size_t pages() const override;
  void next_rows(Decoder& decoder, size_t room, std::vector<Row>& rows) override;
  void accept(size_t i, std::span<const float> logits) override;
  void end_step(Decoder& decoder) override;
  void cancel() override;
  bool finished() const override { return finished_; }
  void release(Decoder& decoder) override;
  Completion result() const override;

 private:
  static constexpr SequenceId kNone = -1;
  struct Sample {
    SampleState state;
    SequenceId sequence = kNone;
  };

  bool in_prompt() const { return done_ < plan_.prompt.size(); }
  void prompt_rows(Decoder& decoder, size_t room, std::vector<Row>& rows);
  void accept_prompt(size_t position, std::span<const float> logits);
  void accept_token(Sample& sample, std::span<const float> logits);
  void begin_samples(Decoder& decoder);
  bool scores_prompt() const { return plan_.echo && plan_.logprobs.has_value(); }
  Choice choice_of(const SampleState& state) const;
  std::vector<const Sample*> best_samples() const;

  Model model_;
  Request request_;
  Plan plan_;
  SequenceId prompt_sequence_ = kNone;
  size_t done_ = 0;            // tokens of the prompt that are computed
  size_t under_way_ = 0;       // and those of this step
  std::vector<float> logits_;  // after the whole prompt
  std::vector<LogprobEntry> prompt_logprobs_;
  std::vector<Sample> samples_;
  std::vector<size_t> owners_;  // the sample of each row of this step
  bool stopped_ = false, finished_ = false;
  Clock::time_point start_;
  double prompt_seconds_ = 0, decode_seconds_ = 0;
};

}  // namespace gptj
