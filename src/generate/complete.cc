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

struct Context::State {
  explicit State(const Model& m) : model(m), scheduler(m, {.keep_last = true}) {}

  const Model model;
  Scheduler scheduler;
};

Context::Context(const Model& model) : state_(std::make_unique<State>(model)) {}
Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

Context Context::load(const Model& model, const std::string& path) {
  Context context(model);
  Scheduler& scheduler = context.state_->scheduler;
  auto [sequence, ids] = load_sequence(model, scheduler.decoder().cache(), path);
  scheduler.keep({std::move(ids), sequence});
  return context;
}

void Context::save(const std::string& path) const {
  const KeptText& kept = state_->scheduler.kept();
  check(kept.sequence != kNoSequence, ErrorCode::kInvalidArgument, path,
        ": nothing was computed that could be saved");
  save_sequence(state_->model, state_->scheduler.decoder().cache(), kept.sequence, kept.ids, path);
}

std::span<const TokenId> Context::ids() const { return state_->scheduler.kept().ids; }

Completion Context::complete(const Request& request, const CancelToken& cancel) {
  const DefaultFloatEnvironment environment;
  return run_alone(state_->scheduler, make_task(state_->model, request), cancel);
}

}  // namespace gptj
