// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "request/plan.h"
#include "request/text_offsets.h"
#include "sampling/logprobs.h"
#include "sampling/stop_text.h"

namespace gptj {

// One sample while it is made: takes logits, chooses tokens, gathers their text and notices the
// end. The result depends on plan, index and logits alone. The views in the events that its
// functions return live until the next call.
class SampleState {
 public:
  // `model`, `request` and `plan` must outlive the sample.
  SampleState(const Model& model, const Request& request, const Plan& plan, int64_t index);

  // Returns the event of the prompt's i-th token, whose logprobs are `entry` if they are wanted.
  // With echo this is called for i = 0, 1, ... to the prompt's end, before any other function.
  TokenEvent echo(size_t i, const LogprobEntry* entry);
  // Chooses the next token from the logits that follow the last token, and returns its event.
  // REQUIRES: not finished().
  TokenEvent accept(std::span<const float> logits);
  // Ends the sample without a further token, and returns its last event. REQUIRES: not finished().
  TokenEvent end(FinishReason reason);

  bool finished() const { return finish_reason_.has_value(); }
  std::span<const TokenId> ids() const { return ids_; }  // prompt and output
  TokenId last() const { return ids_.back(); }
  int64_t generated() const { return static_cast<int64_t>(ids_.size() - plan_.prompt.size()); }
  // Returns the mean logprob of the generated tokens, by which samples are ranked; 0 if there are
  // none.
  double mean_logprob() const;

  // Returns the text's bytes so far, cut at a stop string. The bytes need not be UTF-8.
  const std::string& bytes() const { return bytes_; }
  // Returns the output's ids, finish reason and logprobs; text and index are not set.
  Choice choice() const;

 private:
  TokenId choose(std::span<const float> logits);
  void take(TokenId id);
  void emit(std::string_view bytes);
  void finish_text();
  // Sets text_offset of the entry of the next token, whose bytes in the text are `bytes`.
  void set_offset(LogprobEntry& entry, std::string_view bytes);

  const Model& model_;
  const Request& request_;
  const Plan& plan_;
  int64_t index_;
  std::vector<TokenId> ids_;  // prompt and output
  std::vector<float> work_;   // logits while processors change them
  std::vector<LogprobEntry> logprobs_;
  double logprob_sum_ = 0;
  StopText stop_text_;
  TextStream stream_;
  TextOffsets offsets_;
  LogprobEntry echoed_entry_;
  std::string bytes_;
  std::string new_text_;  // the text of the last event
  std::optional<FinishReason> finish_reason_;
};

// Returns the bytes of a token in a text; empty if the tokenizer has no such id.
std::string_view bytes_or_none(const Model& model, TokenId id);
// Returns the bytes of the prompt's i-th token in a text that echoes the prompt. The bos token that
// stands for an empty prompt has none.
std::string_view prompt_bytes(const Model& model, const Plan& plan, size_t i);
// Returns whether the id, once generated, ends a text.
bool ends_text(const Model& model, const Plan& plan, TokenId id);
// Forbids the ids that the tokenizer has no name for and, before min_tokens, the end tokens. With
// ignore_eos end tokens are not forbidden.
void mask_forbidden(const Model& model, const Plan& plan, int64_t generated,
                    std::span<float> logits);
// Calls the request's on_logits, if it has one. Throws kInvalidArgument if the callback sets a
// logit to NaN or +inf, because tokens cannot be ranked by these.
void change_logits(const Request& request, int64_t index, std::span<const TokenId> ids,
                   std::span<float> logits);

}  // namespace gptj
