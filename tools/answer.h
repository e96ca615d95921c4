// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "gptj/gptj.h"

namespace gptj::tool {

// Answers a request by `run`, prints the answer and returns it. A single sample is printed as it
// comes, several choices are printed at the end with a line before each. With `json` the answer is
// printed as JSON.
Completion answer(const Model& model, Request request, bool json,
                  const std::function<Completion(const Request&)>& run);

}  // namespace gptj::tool
