// SPDX-License-Identifier: Apache-2.0
#include "base/float_environment.h"
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
  Outcome outcome;
  scheduler.add(make_task(model, request), cancel, [&](Outcome o) { outcome = std::move(o); });
  while (scheduler.step()) {
  }
  if (outcome.error) std::rethrow_exception(outcome.error);
  return std::move(outcome.completion);
}

}  // namespace gptj
