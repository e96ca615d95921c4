// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "engine/decoder.h"
#include "request/plan.h"
#include "sampling/logprobs.h"

namespace gptj {

// The id that stands for "no sequence".
inline constexpr SequenceId kNoSequence = -1;
// Removes a sequence from the cache, if there is one, and sets it to kNoSequence.
void drop_sequence(Decoder& decoder, SequenceId& sequence);

// A prompt while the decoder computes it, in chunks. It is scored if its logprobs are wanted. If
// the prompt exceeds the context, the text after it depends on the prompt's last window alone
// (window.h).
class PromptPass {
 public:
  // `model` and `plan` must outlive the pass.
  PromptPass(const Model& model, const Plan& plan);

  // Returns the prompt's tokens from the window's first on.
  std::span<const TokenId> ids() const { return std::span(plan_.prompt).subspan(begin_); }
  // Returns how many of ids() are computed.
  size_t computed() const { return done_ - begin_; }
  // Returns how many of ids() were taken from another sequence.
  size_t taken() const { return taken_; }
  // Returns the place in the prompt where the window begins.
  size_t begin() const { return begin_; }
  bool done() const { return done_ == plan_.prompt.size(); }
  // Returns how many of the first ids() may be taken from another sequence: all but the last, whose
  // logits are wanted. Returns 0 if the prompt is scored or bidirectional.
  size_t shareable() const { return is_scored() || plan_.prefix_lm ? 0 : ids().size() - 1; }
  // Takes the first `length` of ids() from another sequence. REQUIRES: none of ids() is computed,
  // and `length` is at most shareable().
  void begin_with(Decoder& decoder, SequenceId source, size_t length);
  // Gives back what begin_with() took, if nothing was computed since.
  void give_back(Decoder& decoder);
  // Appends the next rows, at most `room` of them. Of a bidirectional prompt it appends all rows,
  // or none if `room` is 0.
  void next_rows(Decoder& decoder, size_t room, std::vector<Row>& rows);
  // Takes the logits of the i-th row that next_rows() appended.
  void accept(size_t i, std::span<const float> logits);
  // Ends the step in which the rows of next_rows() were computed.
  void end_step(Decoder& decoder);
  // Gives the prompt up: its tokens that are not yet scored stay without a logprob.
  void give_up();

  // Returns the window's sequence; kNoSequence before the first row and after release().
  SequenceId sequence() const { return sequence_; }
  void release(Decoder& decoder);
  // Returns the logits after the prompt's last token; empty if no tokens are to follow.
  std::span<const float> last_logits() const { return last_logits_; }

  // Returns the logprobs and the bytes with which an echoed choice begins.
  const std::vector<LogprobEntry>& logprobs() const { return logprobs_; }
  std::string bytes() const;

 private:
  bool is_scored() const { return plan_.echo && plan_.logprobs.has_value(); }

  const Model& model_;
  const Plan& plan_;
  SequenceId sequence_ = kNoSequence;
  size_t context_;
  size_t begin_ = 0, done_ = 0, under_way_ = 0, taken_ = 0;  // counts of the prompt's tokens
  std::vector<float> last_logits_;
  std::vector<LogprobEntry> logprobs_;
};

}  // namespace gptj
