// SPDX-License-Identifier: Apache-2.0
#include "generate/scheduler.h"

#include <algorithm>

#include "base/memory.h"
#include "engine/attention_plan.h"
#include "engine/kv_room.h"
#include "engine/model_state.h"
#include "kernels/kernels.h"

namespace gptj {
namespace {

// Most rows of one step while there are prompts to compute. They are enough to keep the matrix unit
// busy, and few enough that texts beside them do not wait long and that a cancelled prompt ends
// soon.
constexpr size_t kStepRows = 256;
// Most requests that run together, because more would not make a pass cheaper for each.
constexpr size_t kMostRunning = 256;
// Guessed tokens that one step may compute, if at most kFewTexts requests run.
constexpr size_t kGuesses = 8, kFewTexts = 2;

size_t common_length(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                             a.begin());
}

}  // namespace

Scheduler::Scheduler(const Model& model, const SchedulerOptions& options)
    : decoder_(model),
      model_(model),
      max_pages_(static_cast<size_t>(options.kv_bytes / decoder_.cache().page_bytes())),
      most_bytes_(options.most_bytes),
      share_prefixes_(options.share_prefixes),
      keep_(options.keep),
      kept_(decoder_) {}

void Scheduler::add(std::unique_ptr<Task> task, CancelToken cancel, Done done) {
  const size_t pages = task->pages();
  check_memory(*task);
  waiting_.push_back({std::move(task), std::move(cancel), std::move(done), pages});
}

bool Scheduler::step() {
  cancel_if([](const Job& job) { return job.cancel.cancelled(); });
  admit();
  if (running_.empty()) return !waiting_.empty();
  compute();
  retire();
  make_room();
  return true;
}

void Scheduler::cancel_all() {
  cancel_if([](const Job&) { return true; });
}

void Scheduler::cancel_if(const std::function<bool(const Job&)>& asked) {
  const auto cancel = [](Job& job) {
    try {
      job.task->cancel();
    } catch (...) {
      job.error = std::current_exception();
    }
  };
  for (Job& job : running_) {
    if (asked(job)) cancel(job);
  }
  retire();
  // Waiting jobs end as if they had just begun. A callback may add further ones at the end of
  // waiting_.
  for (size_t left = waiting_.size(), i = 0; left > 0; --left) {
    if (!asked(waiting_[i])) {
      ++i;
      continue;
    }
    Job job = std::move(waiting_[i]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    cancel(job);
    finish(job);
  }
}

void Scheduler::admit() {
  while (!waiting_.empty() && running_.size() < kMostRunning) {
    Job& next = waiting_.front();
    const SequenceId source = take_over(next);
    if (!running_.empty() && committed_with(&next) > max_pages_) {
      next.task->prompt().give_back(decoder_);
      return;
    }
    kept_.touch(source);
    running_.push_back(std::move(next));
    waiting_.pop_front();
    make_room();
  }
}

// Gives a waiting job's prompt the beginning that it has in common with a kept text, unless it has
// more in common with a running job. Returns the kept text's sequence; kNoSequence if none is used.
SequenceId Scheduler::take_over(Job& job) {
  PromptPass& prompt = job.task->prompt();
  job.pages_to_share = find_ancestor(prompt, running_.size()).pages;
  if (prompt.sequence() != kNoSequence || prompt.done()) return kNoSequence;
  const auto [source, length] = kept_.find(prompt.ids().first(prompt.shareable()));
  if (length == 0 || length < job.pages_to_share * kPagePositions) return kNoSequence;
  prompt.begin_with(decoder_, source, length);
  job.pages_to_share = 0;
  return source;
}

Scheduler::Ancestor Scheduler::find_ancestor(PromptPass& prompt, size_t before) {
  Ancestor best;
  if (!share_prefixes_) return best;
  const auto ids = prompt.ids().first(prompt.shareable());
  for (size_t i = 0; i < before; ++i) {
    Job& job = running_[i];
    const size_t pages = common_length(ids, job.task->shared_ids()) / kPagePositions;
    if (pages > best.pages) best = {&job, pages};
  }
  return best;
}

// Returns false if the prompt of running job `index` has to wait for the pages that another job
// computes. Before its first row, the prompt takes over the pages that it can share.
bool Scheduler::may_begin(size_t index) {
  PromptPass& prompt = running_[index].task->prompt();
  if (prompt.sequence() != kNoSequence || prompt.done()) return true;
  const auto [ancestor, pages] = find_ancestor(prompt, index);
  running_[index].pages_to_share = pages;
  if (ancestor == nullptr) return true;
  const size_t length = pages * kPagePositions;
  if (ancestor->task->prompt().computed() < length) return false;
  const SequenceId source = ancestor->task->any_sequence();
  if (source != kNoSequence) prompt.begin_with(decoder_, source, length);
  return true;
}

void Scheduler::compute() {
  std::vector<std::pair<Job*, std::vector<Row>>> parts;
  size_t n_rows = 0;
  // With many texts in one pass a further row is no longer cheap.
  const size_t guesses = running_.size() <= kFewTexts ? kGuesses / running_.size() : 0;
  for (size_t i = 0; i < running_.size(); ++i) {
    Job& job = running_[i];
    std::vector<Row> own;
    try {
      const size_t room = kStepRows - std::min(kStepRows, n_rows);
      if (may_begin(i)) job.task->next_rows(decoder_, room, guesses, own);
    } catch (...) {
      job.error = std::current_exception();
      own.clear();
    }
    n_rows += own.size();
    if (!own.empty()) parts.emplace_back(&job, std::move(own));
  }
  // Jobs that share pages become neighbours, because attention reads the common pages of neighbours
  // once.
  std::stable_sort(parts.begin(), parts.end(), [&](const auto& a, const auto& b) {
    return in_order_of_pages(decoder_.cache(), a.second[0], b.second[0]);
  });
  std::vector<Row> rows;
  std::vector<Job*> owners;  // the job of each row
  for (auto& [job, own] : parts) {
    job->first_row = rows.size();
    rows.insert(rows.end(), own.begin(), own.end());
    owners.resize(rows.size(), job);
  }
  rows_ += static_cast<int64_t>(rows.size());
  ended_.passes += rows.empty() ? 0 : 1;
  decoder_.forward(rows, [&](size_t row, std::span<const float> logits) {
    Job& job = *owners[row];
    if (job.error) return;
    try {
      job.task->accept(row - job.first_row, logits);
    } catch (...) {
      job.error = std::current_exception();
    }
  });
  for (Job& job : running_) {
    if (job.error) continue;
    try {
      job.task->end_step(decoder_);
    } catch (...) {
      job.error = std::current_exception();
    }
  }
  // Prompts that waited for another one take its pages now, because its request may end with this
  // step.
  for (size_t i = 0; i < running_.size(); ++i) may_begin(i);
}

void Scheduler::keep_texts_of(const Job& job) {
  if (keep_ == SchedulerOptions::Keep::kNone) return;
  const std::vector<Task::Text> texts = job.task->texts(decoder_);
  if (texts.empty()) return;
  if (keep_ == SchedulerOptions::Keep::kAll) {
    // The first choice is the likeliest to be gone on from, so that it counts as used last.
    for (size_t i = texts.size(); i > 0; --i) kept_.add(texts[i - 1].sequence, texts[i - 1].ids);
    return;
  }
  const auto length = static_cast<int64_t>(texts[0].ids.size());
  std::vector<TokenId> ids(texts[0].ids.begin(), texts[0].ids.end());
  kept_.replace_all({std::move(ids), decoder_.cache().fork(texts[0].sequence, length)});
}

void Scheduler::count(const Job& job, const Completion& completion) {
  if (job.error) {
    ++ended_.failed;
    return;
  }
  ended_.prompt_tokens += completion.usage.prompt_tokens;
  ended_.cached_prompt_tokens += completion.usage.cached_prompt_tokens;
  ended_.completion_tokens += completion.usage.completion_tokens;
  switch (completion.choices.front().finish_reason) {
    case FinishReason::kStop: ++ended_.finished_stop; break;
    case FinishReason::kLength: ++ended_.finished_length; break;
    case FinishReason::kCancelled: ++ended_.finished_cancelled; break;
  }
}

void Scheduler::finish(Job& job) noexcept {
  Outcome outcome;
  try {
    if (!job.error) {
      outcome.completion = job.task->result();
      keep_texts_of(job);
    }
  } catch (...) {
    job.error = std::current_exception();
  }
  outcome.error = job.error;
  count(job, outcome.completion);
  job.task->release(decoder_);
  job.task.reset();
  job.done(std::move(outcome));
}

// Finishes the running jobs that have ended or failed, and removes them.
void Scheduler::retire() noexcept {
  for (Job& job : running_) {
    if (job.task != nullptr && (job.error || job.task->finished())) finish(job);
  }
  std::erase_if(running_, [](const Job& job) { return job.task == nullptr; });
}

void Scheduler::fail_all(const std::exception_ptr& error) noexcept {
  for (Job& job : running_) job.error = error;
  retire();
  // A callback may add further jobs at the end of waiting_.
  for (size_t left = waiting_.size(); left > 0; --left) {
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    job.error = error;
    finish(job);
  }
}

Completion run_alone(Scheduler& scheduler, std::unique_ptr<Task> task, const CancelToken& cancel) {
  Outcome outcome;
  scheduler.add(std::move(task), cancel, [&](Outcome o) { outcome = std::move(o); });
  try {
    while (scheduler.step()) {
    }
  } catch (...) {
    // A later step must not finish this request, because `outcome` is gone by then.
    scheduler.fail_all(std::current_exception());
    throw;
  }
  if (outcome.error) std::rethrow_exception(outcome.error);
  return std::move(outcome.completion);
}

}  // namespace gptj
