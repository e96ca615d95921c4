// SPDX-License-Identifier: Apache-2.0
// How well a model predicts a text:
//
//   const auto ids = model.tokenizer()->encode(text);
//   const double p = gptj::perplexity(model, ids).perplexity;
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "gptj/export.h"
#include "gptj/generate.h"
#include "gptj/model.h"

namespace gptj {

struct PerplexityOptions {
  // Tokens of each window, each run from position 0; 0: n_positions.
  int64_t window = 0;
  // From one window's first token to the next one's, 1 to window; 0: the window.
  int64_t stride = 0;
  // Called on the calling thread with tokens done and in all; kCancel: ErrorCode::kCancelled.
  std::function<Progress(int64_t done, int64_t total)> on_progress = {};
};

struct Perplexity {
  double perplexity = 0;  // exp of the mean negative log-likelihood
  double mean_nll = 0;    // nats per token
  int64_t tokens = 0;     // those scored
  int64_t window = 0;
  int64_t stride = 0;
};

// The ids are one stream, with nothing added in front. A window's first token is not scored, and of
// overlapping windows only what is new; the last window may be short. Throws kInvalidArgument for
// options out of range and for fewer than two tokens.
GPTJ_API Perplexity perplexity(const Model& model, std::span<const TokenId> ids,
                               const PerplexityOptions& options = {});

}  // namespace gptj
