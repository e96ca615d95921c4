// SPDX-License-Identifier: Apache-2.0
// Measures how well a model predicts a text:
//
//   const auto ids = model.tokenizer()->encode(text);
//   const double p = gptj::perplexity(model, ids).perplexity;
//
// and how likely it finds each of several continuations:
//
//   const std::vector<gptj::TextOrIds> choices = {" blue", " green"};
//   const auto scores = gptj::score(model, "The sky is", choices);
//   if (scores[0].logprob > scores[1].logprob) ...
//
// Every function may be called from any thread; calls on one model take turns.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "gptj/export.h"
#include "gptj/generate.h"
#include "gptj/model.h"

namespace gptj {

// How likely a continuation is.
struct Score {
  std::vector<TokenId> ids;     // the continuation's tokens
  std::vector<float> logprobs;  // of each token, given all before it; raw log-softmax, in nats
  // For each token, true if greedy generation would choose it there.
  std::vector<bool> is_greedy;
  double logprob = 0;       // sum of logprobs, in order
  bool all_greedy = false;  // true if every token is greedy
};

// Returns a score for each continuation of one context. The context is computed once. The logprobs
// are bit for bit those that complete() reports with echo and logprobs for context and continuation
// together. A text of the context is encoded as a prompt, an empty one becomes the bos token; a
// text of a continuation is encoded as a text that goes on, without tokens around it. A
// continuation may be empty. Throws kInvalidArgument with "context" or "continuations" as its
// param; kContextLength if a continuation does not fit n_positions behind the context; kNotFinite;
// kOutOfMemory; kCancelled.
GPTJ_API std::vector<Score> score(const Model& model, const TextOrIds& context,
                                  std::span<const TextOrIds> continuations,
                                  const CancelToken& cancel = {});

struct PerplexityOptions {
  // Tokens of each window; 0: n_positions. Each window runs from position 0.
  int64_t window = 0;
  // Tokens from one window's first token to the next window's, 1 to window; 0: window.
  int64_t stride = 0;
  // Called on the calling thread with the tokens done and all tokens. kCancel stops with
  // ErrorCode::kCancelled.
  std::function<Progress(int64_t done, int64_t total)> on_progress = {};
};

struct Perplexity {
  double perplexity = 0;  // exp of the mean negative log-likelihood
  double mean_nll = 0;    // nats per token
  int64_t tokens = 0;     // tokens scored
  int64_t window = 0;
  int64_t stride = 0;
};

// Returns the perplexity of `ids`, one stream with nothing added in front. A window's first token
// is not scored. Of overlapping windows, only the tokens that are new are scored. The last window
// may be short. Throws kInvalidArgument for options out of range and for fewer than two tokens.
GPTJ_API Perplexity perplexity(const Model& model, std::span<const TokenId> ids,
                               const PerplexityOptions& options = {});

struct FidelityOptions {
  // Tokens of each window, 2 to n_positions; 0: n_positions. Each window runs from position 0.
  int64_t window = 0;
  // Number of whole windows of the text to compare; 0: all.
  int64_t windows = 0;
  // Called on the calling thread with the tokens done and all tokens. kCancel stops with
  // ErrorCode::kCancelled.
  std::function<Progress(int64_t done, int64_t total)> on_progress = {};
};

// The distance of one model's predictions from another's, over every position of every window.
struct Fidelity {
  int64_t tokens = 0;  // positions compared
  // Kullback-Leibler divergence of the model from the reference, in nats per token, over the whole
  // vocabulary: its mean, and the value that 99 of 100 positions stay below.
  double mean_kl = 0;
  double p99_kl = 0;
  double top1_agreement = 0;  // fraction of positions where both have the same likeliest token
  double perplexity = 0;      // of the model on the same windows, as perplexity() computes it
  double reference_perplexity = 0;
};

// Compares `model` with `reference`, usually the same weights as f32, on the text's whole windows.
// Throws kInvalidArgument for options out of range, for vocabularies or contexts that differ, and
// for a text of less than one window.
GPTJ_API Fidelity fidelity(const Model& model, const Model& reference, std::span<const TokenId> ids,
                           const FidelityOptions& options = {});

}  // namespace gptj
