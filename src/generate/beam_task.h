// SPDX-License-Identifier: Apache-2.0
// Beam search as transformers 4.27.1 does it (generation/beam_search.py): each step ranks the best
// 2 num_beams continuations of all beams by their sums of log-probabilities. An end token makes a
// hypothesis if it ranks among the first num_beams; the other continuations fill the next num_beams
// beams. The score of a hypothesis is its sum divided by length^length_penalty, where length counts
// prompt and generated tokens, but not the end token.
#pragma once

#include <vector>

#include "generate/task.h"

namespace gptj {

class BeamTask : public Task {
 public:
  BeamTask(const Model& model, Request request, Plan plan);

 private:
  // A text that is being made. One that has ended is a hypothesis.
  struct Beam {
    std::vector<TokenId> ids;  // prompt and output
    std::vector<LogprobEntry> logprobs;
    float sum = 0;  // sum of the processed log-probabilities
    float score = 0;
    FinishReason reason = FinishReason::kCancelled;
    SequenceId sequence = kNoSequence;
  };
  // Beam `parent` with `id` appended.
  struct Continuation {
    size_t parent;
    TokenId id;
    float sum;
    LogprobEntry logprob;
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

  void add_continuations(size_t parent, std::span<const float> logits);
  void go_on(Decoder& decoder, const std::vector<Continuation>& chosen);
  Beam continued(const Continuation& c) const;
  double divisor(size_t length) const;
  float score_of(const Beam& beam) const;
  void add_hypothesis(Beam beam, FinishReason reason);
  void add_open_beams(FinishReason reason);
  void rank(Decoder& decoder);
  void report_choices() const;
  void report_choice(const Choice& choice) const;
  bool is_done(float best_sum) const;
  int64_t generated() const;

  std::vector<Beam> beams_;
  std::vector<Beam> hypotheses_;             // at most num_beams, the best first
  std::vector<Continuation> continuations_;  // those of all beams in this step
  std::vector<float> work_;
};

}  // namespace gptj
