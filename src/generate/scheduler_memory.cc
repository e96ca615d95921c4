// SPDX-License-Identifier: Apache-2.0
// How the scheduler counts the pages of the KV cache, and who gets them.
#include <algorithm>
#include <utility>

#include "base/memory.h"
#include "engine/kv_room.h"
#include "generate/scheduler.h"
#include "kernels/kernels.h"

namespace gptj {
namespace {

// Returns the number of different pages. Sorts them.
size_t count_distinct(std::vector<const std::byte*>& pages) {
  std::sort(pages.begin(), pages.end());
  return static_cast<size_t>(std::unique(pages.begin(), pages.end()) - pages.begin());
}

}  // namespace

// Throws kOutOfMemory if the task's pages can never fit. If no limit is set, pages that lie unused
// in the cache count as room, and the text kept for the next request is dropped if that makes room.
// Other kept texts make room when the task is let in.
void Scheduler::check_memory(const Task& task) {
  if (most_bytes_ > 0) return check_most(task);
  const KvCache& cache = decoder_.cache();
  const size_t pages = task.pages();
  if (pages <= cache.spare_pages()) return;
  const uint64_t room = kv_room(model_, cache.held_bytes());
  while (keep_ == SchedulerOptions::Keep::kLast &&
         pages_in_use() + pages > room / cache.page_bytes() && kept_.drop_page()) {
  }
  check_fits(task, room);
}

void Scheduler::check_most(const Task& task) const {
  if (most_bytes_ > 0) check_fits(task, most_bytes_);
}

void Scheduler::check_fits(const Task& task, uint64_t room) const {
  const std::string field = task.widest_field();
  check_kv_room(decoder_.cache(), task.pages(), room, "the request", "lower " + field, field);
}

size_t Scheduler::committed_pages() const { return committed_with(nullptr); }

// Returns committed_pages() as they would be if `next`, unless null, were a running job too. Pages
// that several jobs share count once.
size_t Scheduler::committed_with(const Job* next) const {
  std::vector<const std::byte*> all;
  size_t to_come = 0;
  const auto add = [&](const Job& job) {
    job.task->add_pages(decoder_, all);
    to_come += pages_to_come(job);
  };
  for (const Job& job : running_) add(job);
  if (next != nullptr) add(*next);
  return count_distinct(all) + to_come;
}

// Returns how many pages of the cache are not spare: running requests and kept texts hold them.
size_t Scheduler::pages_in_use() const {
  return decoder_.cache().held_pages() - decoder_.cache().spare_pages();
}

// Returns how many pages the job may still take. A page that its prompt shares with a kept text,
// and copies before it writes into it, is one of them.
size_t Scheduler::pages_to_come(const Job& job) const {
  std::vector<const std::byte*> pages;
  job.task->add_pages(decoder_, pages);
  size_t held = count_distinct(pages);
  const PromptPass& prompt = std::as_const(*job.task).prompt();
  if (prompt.sequence() != kNoSequence && !prompt.done()) {
    const int64_t length = decoder_.cache().length(prompt.sequence());
    const bool part_page = length % static_cast<int64_t>(kPagePositions) != 0;
    if (part_page && decoder_.cache().begins_page(prompt.sequence(), length)) --held;
  }
  return job.pages - std::min(job.pages, std::max(held, job.pages_to_share));
}

// Drops kept texts until they and all that running jobs may come to need fit the memory.
void Scheduler::make_room() {
  if (keep_ != SchedulerOptions::Keep::kAll || kept_.empty()) return;
  size_t to_come = 0;
  for (const Job& job : running_) to_come += pages_to_come(job);
  while (pages_in_use() + to_come > max_pages_ && kept_.drop_page()) {
  }
}

GeneratorStats Scheduler::stats() const {
  GeneratorStats stats = ended_;
  std::vector<const std::byte*> held;
  for (const Job& job : running_) {
    if (job.task == nullptr) continue;  // has just ended
    ++stats.running;
    job.task->add_pages(decoder_, held);
  }
  stats.waiting = static_cast<int64_t>(waiting_.size());
  stats.pages = static_cast<int64_t>(max_pages_);
  stats.pages_in_use = static_cast<int64_t>(pages_in_use());
  stats.page_bytes = decoder_.cache().page_bytes();
  stats.rows = rows_;
  stats.pages_kept = stats.pages_in_use - static_cast<int64_t>(count_distinct(held));
  return stats;
}

uint64_t kv_cache_budget(const Model& model, uint64_t asked) {
  const uint64_t free = available_memory();
  return std::min(asked > 0 ? std::min(asked, free) : free / 2, kv_room(model, 0));
}

SchedulerOptions scheduler_options(const Model& model, const GeneratorOptions& options) {
  const uint64_t together = kv_cache_budget(model, options.kv_memory);
  return {
      .kv_bytes = together,
      .most_bytes = options.kv_memory > 0 ? together : 0,
      .share_prefixes = options.share_prefixes,
      .keep = options.keep_prefixes ? SchedulerOptions::Keep::kAll : SchedulerOptions::Keep::kNone};
}

}  // namespace gptj
