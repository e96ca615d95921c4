// SPDX-License-Identifier: Apache-2.0
#include "generate/scheduler.h"

#include <algorithm>

#include "base/memory.h"
#include "engine/attention_blocks.h"
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
      keep_last_(options.keep_last) {}

void Scheduler::keep(KeptText text) {
  drop_sequence(decoder_, kept_.sequence);
  kept_ = std::move(text);
}

void Scheduler::add(std::unique_ptr<Task> task, CancelToken cancel, Done done) {
  const size_t pages = task->pages();
  check_memory(*task, pages);
  waiting_.push_back({std::move(task), std::move(cancel), std::move(done), pages});
}

// Throws kOutOfMemory if `pages` pages can never fit. Pages that lie unused in the cache count as
// room, and a kept text is dropped first if that makes room.
void Scheduler::check_memory(const Task& task, size_t pages) {
  const KvCache& cache = decoder_.cache();
  if (most_bytes_ == 0 && pages <= cache.spare_pages()) return;
  const uint64_t room = most_bytes_ > 0 ? most_bytes_ : kv_room(model_, cache.held_bytes());
  const size_t kept = kept_.sequence == kNoSequence ? 0 : cache.page_count(kept_.sequence);
  if (kept + pages > room / cache.page_bytes()) keep({});
  const std::string field = task.widest_field();
  check_kv_room(cache, pages, room, "the request", "lower " + field, field);
}

bool Scheduler::step() {
  cancel_if([](const Job& job) { return job.cancel.cancelled(); });
  admit();
  if (running_.empty()) return !waiting_.empty();
  compute();
  retire();
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

// Pages that several jobs share count once.
size_t Scheduler::committed_pages() const {
  std::vector<const std::byte*> all;
  size_t to_come = 0;
  for (const Job& job : running_) {
    std::vector<const std::byte*> held;
    job.task->add_pages(decoder_, held);
    std::sort(held.begin(), held.end());
    held.erase(std::unique(held.begin(), held.end()), held.end());
    to_come += job.pages - std::min(job.pages, std::max(held.size(), job.pages_to_share));
    all.insert(all.end(), held.begin(), held.end());
  }
  std::sort(all.begin(), all.end());
  return static_cast<size_t>(std::unique(all.begin(), all.end()) - all.begin()) + to_come;
}

void Scheduler::admit() {
  if (waiting_.empty()) return;
  size_t committed = committed_pages();
  while (!waiting_.empty() && running_.size() < kMostRunning) {
    Job& next = waiting_.front();
    next.pages_to_share = find_ancestor(next.task->prompt(), running_.size()).pages;
    committed += next.pages - next.pages_to_share;
    if (!running_.empty() && committed > max_pages_) return;
    running_.push_back(std::move(next));
    waiting_.pop_front();
  }
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
  if (kept_.sequence != kNoSequence) {
    const size_t length = common_length(prompt.ids().first(prompt.shareable()), kept_.ids);
    if (length > 0) {
      prompt.begin_with(decoder_, kept_.sequence, length);
      return true;
    }
  }
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

void Scheduler::keep_text_of(Job& job) {
  std::vector<TokenId> ids = job.task->ids_of_sequence(decoder_);
  if (ids.empty()) return;
  const auto length = static_cast<int64_t>(ids.size());
  keep({std::move(ids), decoder_.cache().fork(job.task->any_sequence(), length)});
}

void Scheduler::finish(Job& job) noexcept {
  Outcome outcome;
  try {
    if (!job.error) {
      outcome.completion = job.task->result();
      if (keep_last_) keep_text_of(job);
    }
  } catch (...) {
    job.error = std::current_exception();
  }
  outcome.error = job.error;
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

uint64_t kv_cache_budget(const Model& model, uint64_t asked) {
  const uint64_t free = available_memory();
  return std::min(asked > 0 ? std::min(asked, free) : free / 2, kv_room(model, 0));
}

SchedulerOptions scheduler_options(const Model& model, uint64_t kv_memory, bool share_prefixes) {
  const uint64_t together = kv_cache_budget(model, kv_memory);
  return {.kv_bytes = together,
          .most_bytes = kv_memory > 0 ? together : 0,
          .share_prefixes = share_prefixes};
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
