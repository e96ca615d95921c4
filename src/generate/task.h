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

// A request while it is answered: says which rows it wants computed next, and takes their logits.
// The answer depends on the request alone, not on how its rows are grouped.
//
// A task computes first the prompt, then the text. The text is one sequence or more; all of them
// begin with the prompt and share its pages.
class Task {
 public:
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  PromptPass& prompt() { return prompt_; }
  const PromptPass& prompt() const { return prompt_; }
  // Returns the tokens that any_sequence() begins with, while there is one. Returns none if the
  // text may slide on. Returns none for a bidirectional prompt either, because its keys and values
  // are not those of a causal text.
  std::span<const TokenId> shared_ids() const {
    return slides() || plan_.prefix_lm ? std::span<const TokenId>() : prompt_.ids();
  }
  // Returns the most pages of the KV cache that the task holds at once.
  size_t pages() const;
  // Returns the field of the request to lower if pages() is too large.
  const char* widest_field() const;
  // Returns one of the task's sequences, which begins with the computed part of the prompt;
  // kNoSequence if there is none.
  SequenceId any_sequence() const;
  // The computed tokens of one of the task's sequences.
  struct Text {
    SequenceId sequence;
    std::span<const TokenId> ids;
  };
  // Returns the texts that are worth keeping for later prompts, the first choice's first. Returns
  // none if the prompt is bidirectional.
  std::vector<Text> texts(const Decoder& decoder) const;
  // Appends the pages that the task holds; a page that its sequences share comes more than once.
  void add_pages(const Decoder& decoder, std::vector<const std::byte*>& pages) const;

  // Appends the rows to compute next. Of the prompt they are at most `room`, and none if `room` is
  // 0; a bidirectional prompt comes whole. Of the text they are one row for each sequence, and rows
  // for at most `guesses` guessed tokens. A text that was cut to fit the context is computed anew,
  // with at most `room` rows but at least one. REQUIRES: not finished().
  void next_rows(Decoder& decoder, size_t room, size_t guesses, std::vector<Row>& rows);
  // Takes the logits of the i-th of the rows that next_rows() appended, if the row wants logits.
  // The caller goes through the rows in their order.
  void accept(size_t i, std::span<const float> logits);
  // Ends the step after all logits were taken: forks and drops sequences.
  void end_step(Decoder& decoder);

  // Ends the task with the text that there is. Does nothing to a finished task.
  void cancel();
  bool finished() const { return finished_; }
  // Removes the task's sequences from the cache.
  void release(Decoder& decoder);
  // Returns the answer. REQUIRES: finished().
  Completion result() const;

 protected:
  Task(const Model& model, Request request, Plan plan);

  // The text's part of the functions above.
  virtual std::vector<SequenceId> sequences() const = 0;
  // Returns the tokens of prompt and text that each of sequences() is, or will be, made of.
  virtual std::vector<std::span<const TokenId>> ids_of_sequences() const = 0;
  virtual void text_rows(const Decoder& decoder, size_t room, size_t guesses,
                         std::vector<Row>& rows) = 0;
  virtual void accept_text(size_t i, std::span<const float> logits) = 0;
  // Begins the text after the whole prompt was computed.
  virtual void begin_text(Decoder& decoder) = 0;
  virtual void end_text_step(Decoder& decoder) = 0;
  virtual void end_text(FinishReason reason) = 0;
  virtual void release_text(Decoder& decoder) = 0;
  // Appends the choices. Returns how many tokens were made, also for choices that are not returned.
  virtual int64_t choices(std::vector<Choice>& choices) const = 0;

  // Appends a choice, whose text is made of `bytes`. An echoed prompt comes before the choice's own
  // text, ids and logprobs.
  void add_choice(Choice choice, const std::string& bytes, std::vector<Choice>& choices) const;
  SequenceId fork_prompt(Decoder& decoder) const;
  size_t context() const { return static_cast<size_t>(model_.config().n_positions); }

  const Model model_;
  const Request request_;
  const Plan plan_;
  PromptPass prompt_;
  bool finished_ = false;

 private:
  // Returns whether prompt and text may come to exceed the context.
  bool slides() const { return most_computed() > context(); }
  size_t most_computed() const;
  // Sets text_offset of each entry of logprobs.
  void add_offsets(Choice& choice) const;
  double seconds() const { return start_ ? seconds_since(*start_) : 0; }
  void finish();

  const Clock::time_point submitted_ = Clock::now();
  std::optional<Clock::time_point> start_;  // time of the first row
  double prompt_seconds_ = 0, text_seconds_ = 0;
  // Seconds from submitted_ to the first row, to the first new token, and to the end.
  double queue_seconds_ = 0, first_token_seconds_ = 0, total_seconds_ = 0;
};

// Returns a task for the request. Throws as complete() does for a request that is wrong.
std::unique_ptr<Task> make_task(const Model& model, Request request);

}  // namespace gptj
