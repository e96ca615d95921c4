// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/float_environment.h"
#include "engine/decoder.h"
#include "engine/model_state.h"
#include "gptj/evaluate.h"
#include "request/plan.h"
#include "sampling/distribution.h"
#include "sampling/logprobs.h"

namespace gptj {
namespace {

// Rows of continuations computed at once: enough to keep the matrix unit busy.
constexpr size_t kRowsAtOnce = 256;

std::vector<TokenId> ids_of_context(const Model& model, const TextOrIds& context) {
  std::vector<TokenId> ids = ids_of("context", context, model);
  if (ids.empty() && model.config().bos_token_id) ids = {*model.config().bos_token_id};
  check_param(!ids.empty(), "context", "expected at least one token: ", model.name(),
              " names no bos token to stand for an empty context");
  return ids;
}

// Scores the continuations of one context, whose positions one sequence of the cache holds.
class Scorer {
 public:
  Scorer(const Model& model, std::vector<TokenId> context, const CancelToken& cancel)
      : model_(model), context_(std::move(context)), cancel_(cancel), decoder_(model) {}

  std::vector<Score> run(std::vector<std::vector<TokenId>> continuations) {
    std::vector<Score> scores(continuations.size());
    for (size_t i = 0; i < scores.size(); ++i) {
      check_length(i, continuations[i].size());
      scores[i].ids = std::move(continuations[i]);
    }
    compute_context(scores);
    for (size_t first = 0, end = 0; first < scores.size(); first = end) {
      size_t rows = 0;
      while (end < scores.size() && (end == first || rows < kRowsAtOnce)) {
        rows += scores[end++].ids.size();
      }
      compute(std::span(scores).subspan(first, end - first));
    }
    for (Score& score : scores) add_up(score);
    return scores;
  }

 private:
  void check_length(size_t i, size_t size) const {
    const auto most = static_cast<size_t>(model_.config().n_positions);
    if (context_.size() + size <= most) return;
    fail(ErrorCode::kContextLength,
         concat("continuation ", i, " of ", size, " tokens behind a context of ", context_.size(),
                ": expected at most ", most, " together, the model's context; shorten the context"),
         "continuations");
  }

  // Takes the next token of a score from the logits before it.
  void take(Score& score, std::span<const float> logits, int64_t position) {
    check_finite(logits, position, model_.weight_type());
    const TokenId id = score.ids[score.logprobs.size()];
    score.logprobs.push_back(LogSoftmax(model_.state().kernels, logits)[id]);
    work_.assign(logits.begin(), logits.end());
    for (const TokenId unnamed : model_.state().unnamed_ids) {
      work_[static_cast<size_t>(unnamed)] = -std::numeric_limits<float>::infinity();
    }
    score.is_greedy.push_back(argmax(work_) == id);
  }

  void forward(std::span<const Row> rows, const LogitsSink& sink) {
    check(!cancel_.cancelled(), ErrorCode::kCancelled, "score was cancelled");
    decoder_.check_room(rows);
    decoder_.forward(rows, sink);
  }

  // Computes the context, a chunk at a time so that it can be cancelled, and takes the first token
  // of each score from the logits of its last row.
  void compute_context(std::span<Score> scores) {
    sequence_ = decoder_.cache().add();
    std::vector<Row> rows;
    for (size_t i = 0; i < context_.size(); ++i) {
      const bool last = i + 1 == context_.size();
      rows.push_back({context_[i], sequence_, static_cast<int64_t>(i), last});
      if (!last && rows.size() < kRowsAtOnce) continue;
      forward(rows, [&](size_t, std::span<const float> logits) {
        for (Score& score : scores) {
          if (!score.ids.empty()) take(score, logits, static_cast<int64_t>(i));
        }
      });
      rows.clear();
    }
  }

  // Computes all tokens but the last of each score.
  void compute(std::span<Score> scores) {
    std::vector<Row> rows;
    std::vector<size_t> owners;  // the score of each row
    std::vector<SequenceId> forks;
    const auto begin = static_cast<int64_t>(context_.size());
    for (size_t i = 0; i < scores.size(); ++i) {
      const std::vector<TokenId>& ids = scores[i].ids;
      if (ids.size() < 2) continue;
      forks.push_back(decoder_.cache().fork(sequence_, begin));
      for (size_t t = 0; t + 1 < ids.size(); ++t) {
        rows.push_back({ids[t], forks.back(), begin + static_cast<int64_t>(t), true});
        owners.push_back(i);
      }
    }
    forward(rows, [&](size_t row, std::span<const float> logits) {
      take(scores[owners[row]], logits, rows[row].position);
    });
    for (const SequenceId fork : forks) decoder_.cache().remove(fork);
  }

  static void add_up(Score& score) {
    for (const float logprob : score.logprobs) score.logprob += logprob;
    score.all_greedy = std::all_of(score.is_greedy.begin(), score.is_greedy.end(),
                                   [](bool greedy) { return greedy; });
  }

  const Model& model_;
  const std::vector<TokenId> context_;
  const CancelToken& cancel_;
  Decoder decoder_;
  SequenceId sequence_ = 0;
  std::vector<float> work_;
};

}  // namespace

std::vector<Score> score(const Model& model, const TextOrIds& context,
                         std::span<const TextOrIds> continuations, const CancelToken& cancel) {
  const DefaultFloatEnvironment environment;
  std::vector<std::vector<TokenId>> ids;
  for (const TextOrIds& continuation : continuations) {
    ids.push_back(ids_of("continuations", continuation, model, {.continues = true}));
  }
  return Scorer(model, ids_of_context(model, context), cancel).run(std::move(ids));
}

}  // namespace gptj
