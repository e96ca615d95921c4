// SPDX-License-Identifier: Apache-2.0
#include "generate/task.h"

#include <algorithm>

#include "engine/kv_cache.h"
#include "generate/beam_task.h"
#include "generate/sampling_task.h"
#include "request/text_offsets.h"
#include "sampling/sample_state.h"

namespace gptj {

Task::Task(const Model& model, Request request, Plan plan)
    : model_(model), request_(std::move(request)), plan_(std::move(plan)), prompt_(model_, plan_) {}

size_t Task::pages() const {
  const auto branches = static_cast<size_t>(std::max(plan_.best_of, plan_.num_beams));
  if (slides()) return branches * pages_of(model_.config().n_positions);
  const size_t all = pages_of(static_cast<int64_t>(most_computed()));
  if (plan_.max_tokens == 0) return all;
  const size_t shared = plan_.prompt.size() / kPagePositions;
  return shared + branches * (all - shared);
}

// Returns the most tokens of prompt and text that are computed. The last token of a text is not,
// because nothing follows it.
size_t Task::most_computed() const {
  const size_t made = static_cast<size_t>(plan_.max_tokens);
  return plan_.prompt.size() + made - (made > 0 ? 1 : 0);
}

const char* Task::widest_field() const {
  if (plan_.num_beams > 1) return "num_beams";
  if (plan_.best_of > plan_.n) return "best_of";
  return plan_.n > 1 ? "n" : "max_tokens";
}

SequenceId Task::any_sequence() const {
  if (prompt_.sequence() != kNoSequence) return prompt_.sequence();
  const std::vector<SequenceId> all = sequences();
  return all.empty() ? kNoSequence : all[0];
}

std::vector<Task::Text> Task::texts(const Decoder& decoder) const {
  std::vector<Text> texts;
  if (plan_.prefix_lm) return texts;
  const auto add = [&](SequenceId sequence, std::span<const TokenId> ids, size_t computed) {
    const auto length = static_cast<size_t>(decoder.cache().length(sequence));
    computed = std::min(computed, length);
    if (computed > 0) texts.push_back({sequence, ids.first(computed)});
  };
  if (prompt_.sequence() != kNoSequence) {
    add(prompt_.sequence(), prompt_.ids(), prompt_.computed());
    return texts;
  }
  const std::vector<SequenceId> all = sequences();
  const std::vector<std::span<const TokenId>> ids = ids_of_sequences();
  for (size_t i = 0; i < all.size(); ++i) {
    // The sequence may end with guesses that were wrong. The last token of a text is not computed.
    add(all[i], ids[i], ids[i].size() - 1);
  }
  return texts;
}

void Task::add_pages(const Decoder& decoder, std::vector<const std::byte*>& pages) const {
  std::vector<SequenceId> all = sequences();
  if (prompt_.sequence() != kNoSequence) all.push_back(prompt_.sequence());
  for (const SequenceId sequence : all) {
    std::byte* const* addresses = decoder.cache().pages(sequence);
    pages.insert(pages.end(), addresses, addresses + decoder.cache().page_count(sequence));
  }
}

void Task::next_rows(Decoder& decoder, size_t room, size_t guesses, std::vector<Row>& rows) {
  const size_t before = rows.size();
  if (prompt_.done()) {
    text_rows(decoder, room, guesses, rows);
  } else {
    prompt_.next_rows(decoder, room, rows);
  }
  if (!start_ && rows.size() > before) {
    start_ = Clock::now();
    queue_seconds_ = std::chrono::duration<double>(*start_ - submitted_).count();
  }
}

void Task::accept(size_t i, std::span<const float> logits) {
  if (prompt_.done()) {
    accept_text(i, logits);
  } else {
    prompt_.accept(i, logits);
  }
}

void Task::end_step(Decoder& decoder) {
  if (!prompt_.done()) {
    prompt_.end_step(decoder);
    if (!prompt_.done()) return;
    prompt_seconds_ = seconds();
    if (plan_.max_tokens == 0) {
      end_text(FinishReason::kLength);
      finish();
      return;
    }
    first_token_seconds_ = seconds_since(submitted_);
    begin_text(decoder);
    prompt_.release(decoder);
  }
  end_text_step(decoder);
  if (finished_) finish();
}

void Task::finish() {
  finished_ = true;
  if (prompt_.done()) {
    text_seconds_ = seconds() - prompt_seconds_;
  } else {
    prompt_seconds_ = seconds();
  }
  total_seconds_ = seconds_since(submitted_);
  if (!start_) queue_seconds_ = total_seconds_;
}

void Task::cancel() {
  if (finished_) return;
  if (!prompt_.done()) prompt_.give_up();
  end_text(FinishReason::kCancelled);
  finish();
}

void Task::release(Decoder& decoder) {
  prompt_.release(decoder);
  release_text(decoder);
}

Completion Task::result() const {
  Completion completion;
  completion.seed = plan_.seed;
  const auto prompt = static_cast<int64_t>(plan_.prompt.size());
  const int64_t made = choices(completion.choices);
  completion.usage = {prompt, made, prompt + made, static_cast<int64_t>(prompt_.taken())};
  completion.prompt_seconds = prompt_seconds_;
  completion.decode_seconds = text_seconds_;
  completion.queue_seconds = queue_seconds_;
  completion.first_token_seconds = first_token_seconds_;
  completion.total_seconds = total_seconds_;
  return completion;
}

void Task::add_choice(Choice choice, const std::string& bytes, std::vector<Choice>& choices) const {
  choice.index = static_cast<int64_t>(choices.size());
  if (plan_.echo) {
    choice.token_ids.insert(choice.token_ids.begin(), plan_.prompt.begin(), plan_.prompt.end());
    choice.logprobs.insert(choice.logprobs.begin(), prompt_.logprobs().begin(),
                           prompt_.logprobs().end());
  }
  if (model_.tokenizer() != nullptr) {
    add_offsets(choice);
    choice.text = to_valid_utf8(plan_.echo ? prompt_.bytes() + bytes : bytes);
  }
  choices.push_back(std::move(choice));
}

// Offsets count from the prompt's first token, whether or not the choice echoes the prompt. The bos
// token that stands for an empty prompt and the end token that ends a text count as empty text.
void Task::add_offsets(Choice& choice) const {
  if (choice.logprobs.empty()) return;
  TextOffsets offsets;
  const auto bytes_of = [&](TokenId id, bool is_text) {
    return is_text ? bytes_or_none(model_, id) : std::string_view();
  };
  const size_t echoed = plan_.echo ? plan_.prompt.size() : 0;
  for (size_t i = 0; i < plan_.prompt.size(); ++i) {
    const int64_t offset = offsets.push(bytes_of(plan_.prompt[i], !plan_.bos_for_empty));
    if (i < echoed) choice.logprobs[i].text_offset = offset;
  }
  for (size_t i = echoed; i < choice.token_ids.size(); ++i) {
    const TokenId id = choice.token_ids[i];
    choice.logprobs[i].text_offset = offsets.push(bytes_of(id, !ends_text(model_, plan_, id)));
  }
}

SequenceId Task::fork_prompt(Decoder& decoder) const {
  return decoder.cache().fork(prompt_.sequence(), static_cast<int64_t>(prompt_.ids().size()));
}

std::unique_ptr<Task> make_task(const Model& model, Request request) {
  Plan plan = make_plan(request, model);
  if (plan.num_beams > 1) {
    return std::make_unique<BeamTask>(model, std::move(request), std::move(plan));
  }
  return std::make_unique<SamplingTask>(model, std::move(request), std::move(plan));
}

}  // namespace gptj
