// SPDX-License-Identifier: Apache-2.0
// Bodies of the Kobold API, from bytes to plans.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.h"
#include "fuzz/served_model.h"
#include "kobold_request.h"
#include "request/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gptj;
  return fuzz::run([&] {
    const serve::Json body = serve::parse_body(fuzz::text_of(data, size));
    const serve::KoboldCall call = serve::parse_kobold(body, fuzz::served_model(), 64);
    make_plan(call.request, fuzz::served_model());
  });
}
