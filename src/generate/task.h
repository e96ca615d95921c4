// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "engine/decoder.h"
#include "generate/prompt_pass.h"
#include "gptj/generate.h"

namespace gptj {

// A request on its way to its answer: says which rows it wants computed next, and takes their
// logits. What it becomes depends on the request alone, not on how its rows are grouped.
//
// First the prompt, then the text: one sequence or more, which begin with the prompt and share what
// was computed of it.
class Task {
 public:
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  PromptPass& prompt() { return prompt_; }
  // What any_sequence() begins with, as a causal text does, for as long as it has one; nothing
  // where the text slides on.
  std::span<const TokenId> shared_ids() const {
    return slides() || plan_.prefix_lm ? std::span<const TokenId>() : prompt_.ids();
  }
  // Pages of the KV cache that it holds at once at most.
  size_t pages() const;
  // The field of the request to lower where those are too many.
  const char* widest_field() const;
  // A sequence of its own that begins with what is computed of the prompt; kNoSequence: none.
  SequenceId any_sequence() const;
  // The tokens that any_sequence() is made of, as a causal text is; none otherwise.
  std::vector<TokenId> ids_of_sequence(const Decoder& decoder) const;
  // Adds the pages that it holds.
  void add_pages(const Decoder& decoder, std::vector<const std::byte*>& pages) const;

  // Appends the rows to compute next: of the prompt at most `room`, and none where that is 0; of
  // the text one for each sequence, and some for at most `guesses` tokens, or, where it was cut to
  // fit the context and is computed anew, as many as of a prompt. Not to be called once finished.
  void next_rows(Decoder& decoder, size_t room, size_t guesses, std::vector<Row>& rows);
  // The logits of the i-th of those rows, where it wants them; called in their order.
  void accept(size_t i, std::span<const float> logits);
  // After all of them: forks and drops sequences.
  void end_step(Decoder& decoder);

  // Ends it with what there is.
  void cancel();
  bool finished() const { return finished_; }
  // Gives back its sequences.
  void release(Decoder& decoder);
  // Once finished.
  Completion result() const;

 protected:
  Task(const Model& model, Request request, Plan plan);

  // The text's part of the above.
  virtual std::vector<SequenceId> sequences() const = 0;
  // Prompt and text of the first of them, where there is one, as far as they are in it.
  virtual std::span<const TokenId> first_ids() const = 0;
  virtual void text_rows(const Decoder& decoder, size_t room, size_t guesses,
                         std::vector<Row>& rows) = 0;
  virtual void accept_text(size_t i, std::span<const float> logits) = 0;
  // Goes on from the whole prompt.
  virtual void begin_text(Decoder& decoder) = 0;
  virtual void end_text_step(Decoder& decoder) = 0;
  virtual void end_text(FinishReason reason) = 0;
  virtual void release_text(Decoder& decoder) = 0;
  // Choices, and how many tokens were made.
  virtual int64_t choices(std::vector<Choice>& choices) const = 0;

  // Appends a choice, with an echoed prompt before its own ids and logprobs, its text made of
  // bytes.
  void add_choice(Choice choice, const std::string& bytes, std::vector<Choice>& choices) const;
  SequenceId fork_prompt(Decoder& decoder) const;
  size_t context() const { return static_cast<size_t>(model_.config().n_positions); }

  const Model model_;
  const Request request_;
  const Plan plan_;
  PromptPass prompt_;
  bool finished_ = false;

 private:
  // Whether the text may come to exceed the context.
  bool slides() const { return most_computed() > context(); }
  size_t most_computed() const;
  // Sets text_offset of each entry of logprobs.
  void add_offsets(Choice& choice) const;
  double seconds() const { return start_ ? seconds_since(*start_) : 0; }

  std::optional<Clock::time_point> start_;  // of its first row
  double prompt_seconds_ = 0, text_seconds_ = 0;
};

// Throws as complete() does for a request that is wrong.
std::unique_ptr<Task> make_task(const Model& model, Request request);

}  // namespace gptj
