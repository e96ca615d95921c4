// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "base/float_environment.h"
#include "engine/session_file.h"
#include "generate/scheduler.h"

namespace gptj {

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
  }
  return "unknown";
}

Completion complete(const Model& model, const Request& request, const CancelToken& cancel) {
  const DefaultFloatEnvironment environment;
  Scheduler scheduler(model, {});
  return run_alone(scheduler, make_task(model, request), cancel);
}

struct Conversation::State {
  explicit State(const Model& m)
      : model(m), scheduler(m, {.keep = SchedulerOptions::Keep::kLast}) {}

  const Model model;
  Scheduler scheduler;
};

Conversation::Conversation(const Model& model) : state_(std::make_unique<State>(model)) {}
Conversation::~Conversation() = default;
Conversation::Conversation(Conversation&&) noexcept = default;
Conversation& Conversation::operator=(Conversation&&) noexcept = default;

Conversation Conversation::load(const Model& model, const std::string& path) {
  Conversation conversation(model);
  Scheduler& scheduler = conversation.state_->scheduler;
  auto [sequence, ids] = load_sequence(model, scheduler.decoder().cache(), path);
  scheduler.kept().replace_all({std::move(ids), sequence});
  return conversation;
}

void Conversation::save(const std::string& path) const {
  const KeptText& kept = std::as_const(state_->scheduler).kept().last();
  check(kept.sequence != kNoSequence, ErrorCode::kInvalidArgument, path,
        ": nothing was computed that could be saved");
  save_sequence(state_->model, state_->scheduler.decoder().cache(), kept.sequence, kept.ids, path);
}

std::span<const TokenId> Conversation::ids() const { return state_->scheduler.kept().last().ids; }

Completion Conversation::complete(const Request& request, const CancelToken& cancel) {
  const DefaultFloatEnvironment environment;
  return run_alone(state_->scheduler, make_task(state_->model, request), cancel);
}

}  // namespace gptj
