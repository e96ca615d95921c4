// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/check.h"
#include "base/elementary.h"
#include "base/float_environment.h"
#include "engine/model_state.h"
#include "gptj/evaluate.h"
#include "gptj/session.h"
#include "sampling/logprobs.h"

namespace gptj {
namespace {

// Returns the sum of the negative log-likelihoods of ids[first] and the ids after it, each given
// all ids before it. REQUIRES: first >= 1.
double score_window(const Model& model, std::span<const TokenId> ids, size_t first) {
  Session session(model);
  const SequenceId sequence = session.add_sequence();
  std::vector<Row> rows;  // the last token predicts nothing that is scored
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    rows.push_back({ids[i], sequence, static_cast<int64_t>(i), i + 1 >= first});
  }
  double nll = 0;
  session.forward(rows, [&](size_t row, std::span<const float> logits) {
    nll -= LogSoftmax(model.state().kernels, logits).in_double(ids[row + 1]);
  });
  return nll;
}

// Returns `value`, or `otherwise` if it is 0. Throws unless it is 0 or lies in 1 .. high.
int64_t in_range(const char* name, int64_t value, int64_t otherwise, int64_t high) {
  if (value == 0) return otherwise;
  check_param(1 <= value && value <= high, name, "expected 1 to ", high, ", found ", value);
  return value;
}

}  // namespace

Perplexity perplexity(const Model& model, std::span<const TokenId> ids,
                      const PerplexityOptions& options) {
  const DefaultFloatEnvironment environment;
  const int64_t context = model.config().n_positions;
  Perplexity result;
  result.window = in_range("window", options.window, context, context);
  check_param(result.window >= 2, "window", "expected at least 2 tokens, found ", result.window);
  result.stride = in_range("stride", options.stride, result.window, result.window);
  check(ids.size() >= 2, ErrorCode::kInvalidArgument,
        "perplexity: expected a text of at least 2 tokens, found ", ids.size());
  const auto size = static_cast<int64_t>(ids.size());
  double nll = 0;
  int64_t done = 0;  // ids before this are scored, or begin a window
  for (int64_t begin = 0; done < size; begin += result.stride) {
    const int64_t end = std::min(size, begin + result.window);
    const int64_t first = std::max(done - begin, int64_t{1});
    if (begin + first < end) {
      nll += score_window(model,
                          ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
                          static_cast<size_t>(first));
      result.tokens += end - begin - first;
    }
    done = end;
    check(!options.on_progress || options.on_progress(done, size) == Progress::kContinue,
          ErrorCode::kCancelled, "perplexity was cancelled");
  }
  result.mean_nll = nll / static_cast<double>(result.tokens);
  result.perplexity = elementary::exp(result.mean_nll);
  return result;
}

}  // namespace gptj
