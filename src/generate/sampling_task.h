// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "generate/task.h"
#include "sampling/sample_state.h"
#include "sampling/speculator.h"

namespace gptj {

// A task that continues one prompt by one or more samples, or greedily.
class SamplingTask : public Task {
 public:
  SamplingTask(const Model& model, Request request, Plan plan);

 private:
  struct Sample {
    SampleState state;
    Speculator speculator;
    SequenceId sequence = kNoSequence;
    size_t begin = 0;                 // place in the text where the sequence begins: its window
    std::vector<TokenId> guess = {};  // tokens computed behind the last one in this step
    size_t taken = 0;                 // rows of this step whose logits chose a token
    bool guess_failed = false;
  };

  std::vector<SequenceId> sequences() const override;
  std::vector<std::span<const TokenId>> ids_of_sequences() const override;
  void text_rows(const Decoder& decoder, size_t room, size_t guesses,
                 std::vector<Row>& rows) override;
  void accept_text(size_t i, std::span<const float> logits) override;
  void begin_text(Decoder& decoder) override;
  void end_text_step(Decoder& decoder) override;
  void end_text(FinishReason reason) override;
  void release_text(Decoder& decoder) override;
  int64_t choices(std::vector<Choice>& choices) const override;

  // Returns the tokens that the sample's sequence is, or will be, made of.
  static std::span<const TokenId> window(const Sample& sample) {
    return sample.state.ids().subspan(sample.begin);
  }
  std::vector<TokenId> guess(Sample& sample, size_t most) const;
  void accept_token(Sample& sample, std::span<const float> logits);
  void report(const TokenEvent& event);
  void report_echo();
  void settle(Decoder& decoder, Sample& sample) const;
  std::vector<const Sample*> best_samples() const;

  std::vector<Sample> samples_;
  std::vector<size_t> owners_;  // the sample of each row of this step
  bool stopped_ = false;        // true once on_token has asked for the end
  bool echo_reported_ = false;
};

}  // namespace gptj
