// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "gptj/gptj.h"

namespace gptj::tool {

// Runs a request by `run` and prints its answer: one sample as it comes, several choices at the
// end with a line before each, or JSON.
Completion answer(const Model& model, Request request, bool json,
                  const std::function<Completion(const Request&)>& run);

}  // namespace gptj::tool
