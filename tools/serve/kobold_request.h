// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "gptj/gptj.h"
#include "json_body.h"

namespace gptj::serve {

// A request of the Kobold API.
struct KoboldCall {
  Request request;
  std::string key;        // genkey; empty: none
  bool trim_stop = true;  // false: the text ends with the stop string that ended it
};

// Returns the call. A prompt that is too long loses its beginning, never its memory. Throws
// kInvalidArgument with the field as its param.
KoboldCall parse_kobold(const Json& body, const Model& model, int64_t max_tokens_limit);

}  // namespace gptj::serve
