// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "engine/decoder.h"
#include "request/plan.h"
#include "sampling/logprobs.h"

namespace gptj {

// Of what has none.
inline constexpr SequenceId kNoSequence = -1;
// Gives back a sequence, where there is one; then there is none.
void drop_sequence(Decoder& decoder, SequenceId& sequence);

// A prompt on its way through the decoder, in chunks, scored where its logprobs are wanted. Of one
// that exceeds the context, what follows depends on its last window alone (window.h).
class PromptPass {
 public:
  // `model` and `plan` must outlive it.
  PromptPass(const Model& model, const Plan& plan);

  // The tokens of the window, and how many of them are computed.
  std::span<const TokenId> ids() const { return std::span(plan_.prompt).subspan(begin_); }
  size_t computed() const { return done_ - begin_; }
  // Where the window begins in the prompt.
  size_t begin() const { return begin_; }
  bool done() const { return done_ == plan_.prompt.size(); }
  // How many of the first of ids() need not be computed here where another sequence has them: all
  // but the last, whose logits are wanted, unless all of them are scored.
  size_t shareable() const { return is_scored() || plan_.prefix_lm ? 0 : ids().size() - 1; }
  // Takes the first `length` of them from another sequence. Before any are computed.
  void begin_with(Decoder& decoder, SequenceId source, size_t length);
  // The next rows, at most `room` of them, but a bidirectional prompt's all or none.
  void next_rows(Decoder& decoder, size_t room, std::vector<Row>& rows);
  // The logits of the i-th of those.
  void accept(size_t i, std::span<const float> logits);
  // They are computed.
  void end_step(Decoder& decoder);
  // What is missing of a prompt that is given up stays without a logprob.
  void give_up();

  // Of the window; gone with release().
  SequenceId sequence() const { return sequence_; }
  void release(Decoder& decoder);
  // After its last token, where any are to follow.
  std::span<const float> last_logits() const { return last_logits_; }

  // How an echoed choice begins.
  const std::vector<LogprobEntry>& logprobs() const { return logprobs_; }
  std::string bytes() const;

 private:
  bool is_scored() const { return plan_.echo && plan_.logprobs.has_value(); }

  const Model& model_;
  const Plan& plan_;
  SequenceId sequence_ = kNoSequence;
  size_t context_;
  size_t begin_ = 0, done_ = 0, under_way_ = 0;  // tokens of the prompt
  std::vector<float> last_logits_;
  std::vector<LogprobEntry> logprobs_;
};

}  // namespace gptj
