// SPDX-License-Identifier: Apache-2.0
#include "generate/scheduler.h"

#include <algorithm>

namespace gptj {
namespace {

// Rows of one step while there are prompts to compute: enough for the matrix unit, few enough that
// texts being made beside them do not wait long, and that a cancelled prompt soon ends.
constexpr size_t kStepRows = 256;

}  // namespace

Scheduler::Scheduler(const Model& model, uint64_t kv_bytes)
    : weights_(model.weight_type()),
      decoder_(model),
      max_pages_(static_cast<size_t>(kv_bytes / decoder_.cache().page_bytes())) {}

void Scheduler::add(std::unique_ptr<Task> task, CancelToken cancel, Done done) {
  const size_t pages = task->pages();
  waiting_.push_back({std::move(task), std::move(cancel), std::move(done), pages});
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
  for (Job& job : running_) {
    if (asked(job)) job.task->cancel();
  }
  retire();
  // They end as if they had just begun. A callback may add to those that wait.
  std::vector<Job> cancelled;
  for (Job& job : waiting_) {
    if (asked(job)) cancelled.push_back(std::move(job));
  }
  std::erase_if(waiting_, [](const Job& job) { return job.task == nullptr; });
  for (Job& job : cancelled) {
    job.task->cancel();
    job.done({job.task->result()});
  }
}

void Scheduler::admit() {
  while (!waiting_.empty() && (running_.empty() || pages_ + waiting_.front().pages <= max_pages_)) {
    pages_ += waiting_.front().pages;
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void Scheduler::compute() {
  std::vector<Row> rows;
  std::vector<Job*> owners;  // of each row
  for (Job& job : running_) {
    job.first_row = rows.size();
    const size_t room = kStepRows - std::min(kStepRows, rows.size());
    job.task->next_rows(decoder_, room, rows);
    owners.resize(rows.size(), &job);
  }
  decoder_.forward(rows, [&](size_t row, std::span<const float> logits) {
    Job& job = *owners[row];
    if (job.error) return;
    try {
      check_finite(logits, rows[row].position, weights_);
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
}

void Scheduler::finish(Job& job) {
  pages_ -= job.pages;
  job.task->release(decoder_);
  Outcome outcome;
  outcome.error = job.error;
  if (!outcome.error) outcome.completion = job.task->result();
  job.task.reset();
  job.done(std::move(outcome));
}

// Those that have ended make room.
void Scheduler::retire() {
  for (Job& job : running_) {
    if (job.error || job.task->finished()) finish(job);
  }
  std::erase_if(running_, [](const Job& job) { return job.task == nullptr; });
}

void Scheduler::fail_all(const std::exception_ptr& error) {
  for (Job& job : running_) job.error = error;
  retire();
  std::deque<Job> waiting;
  waiting.swap(waiting_);
  for (Job& job : waiting) job.done({{}, error});
}

}  // namespace gptj
