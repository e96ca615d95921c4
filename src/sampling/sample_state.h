// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "request/plan.h"
#include "sampling/logprobs.h"
#include "sampling/stop_text.h"

namespace gptj {

// One sample on its way: takes logits, chooses tokens, gathers text, knows when it ends. What it
// becomes depends on plan, index and logits alone.
class SampleState {
 public:
  // `model`, `request` and `plan` must outlive it.
  SampleState(const Model& model, const Request& request, const Plan& plan, int64_t index);

  // Chooses the next token from the logits after the last one. Not to be called once finished.
  // Returns what to tell the caller; its views live until the next call.
  TokenEvent accept(std::span<const float> logits);
  void cancel();

  bool finished() const { return finish_reason_.has_value(); }
  std::span<const TokenId> ids() const { return ids_; }  // prompt and output
  TokenId last() const { return ids_.back(); }
  int64_t generated() const { return static_cast<int64_t>(ids_.size() - plan_.prompt.size()); }
  // What samples are ranked by.
  double mean_logprob() const;

  // The text's bytes so far, cut at a stop string; they need not be UTF-8.
  const std::string& bytes() const { return bytes_; }
  // Ids, reason and logprobs of the output.
  Choice choice() const;

 private:
  TokenId choose(std::span<const float> logits);
  void take(TokenId id);
  void emit(std::string_view bytes);
  void finish_text();

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
  std::string bytes_;
  std::string new_text_;  // of the last event
  std::optional<FinishReason> finish_reason_;
};

// The bytes of a token in a text; empty for an id without a name.
std::string_view bytes_or_none(const Model& model, TokenId id);
// Whether the id, once generated, ends a text.
bool ends_text(const Model& model, const Plan& plan, TokenId id);
// Ids that no tokenizer can name never come; neither does an end before min_tokens.
void mask_forbidden(const Model& model, const Plan& plan, int64_t generated,
                    std::span<float> logits);
// Calls the request's on_logits, where it has one. Throws kInvalidArgument for NaN or +inf of it,
// by which no token can be ranked.
void change_logits(const Request& request, int64_t index, std::span<const TokenId> ids,
                   std::span<float> logits);

}  // namespace gptj
