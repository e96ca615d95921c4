// SPDX-License-Identifier: Apache-2.0
// Bodies of POST /v1/completions, from bytes to plans.
#include <nlohmann/json.hpp>

#include "completion_request.h"
#include "fuzz/fuzz.h"
#include "fuzz/served_model.h"
#include "request/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gptj;
  static const serve::CompletionRules rules{.model_name = "m", .max_tokens_limit = 64};
  return fuzz::run([&] {
    const serve::Json body = serve::parse_body(fuzz::text_of(data, size));
    const Model& model = fuzz::served_model();
    const serve::CompletionCall call = serve::parse_completion(body, model, rules);
    for (const Request& request : call.requests) make_plan(request, model);
  });
}
