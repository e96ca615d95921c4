// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/elementary.h"
#include "base/float_environment.h"
#include "engine/model_state.h"
#include "gptj/evaluate.h"
#include "gptj/session.h"
#include "sampling/logprobs.h"

namespace gptj {
namespace {

// Positions at a time; their logits of both models are in memory at once.
constexpr size_t kRows = 32;

TokenId likeliest(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

// Computes the logits of one model for a text, a few positions at a time.
class Reader {
 public:
  explicit Reader(const Model& model)
      : session_(model),
        sequence_(session_.add_sequence()),
        vocab_size_(static_cast<size_t>(model.config().vocab_size)) {}

  void read(std::span<const TokenId> ids) {
    std::vector<Row> rows;
    for (const TokenId id : ids) {
      rows.push_back(
          {id, sequence_, session_.length(sequence_) + static_cast<int64_t>(rows.size()), true});
    }
    logits_.clear();
    session_.forward(rows, [&](size_t, std::span<const float> logits) {
      logits_.insert(logits_.end(), logits.begin(), logits.end());
    });
  }
  std::span<const float> logits(size_t i) const {
    return std::span(logits_).subspan(i * vocab_size_, vocab_size_);
  }

 private:
  Session session_;
  SequenceId sequence_;
  size_t vocab_size_;
  std::vector<float> logits_;
};

// Compares two models position by position.
class Comparison {
 public:
  Comparison(const Model& model, const Model& reference) : model_(model), reference_(reference) {}

  void window(std::span<const TokenId> ids) {
    Reader model(model_), reference(reference_);
    for (size_t begin = 0; begin < ids.size(); begin += kRows) {
      const auto some = ids.subspan(begin, std::min(kRows, ids.size() - begin));
      model.read(some);
      reference.read(some);
      for (size_t i = 0; i < some.size(); ++i) {
        const bool scored = begin + i + 1 < ids.size();
        position(model.logits(i), reference.logits(i), scored ? &ids[begin + i + 1] : nullptr);
      }
    }
  }

  Fidelity result() {
    Fidelity f;
    const auto n = static_cast<double>(kl_.size());
    f.tokens = static_cast<int64_t>(kl_.size());
    for (const double kl : kl_) f.mean_kl += kl / n;
    std::sort(kl_.begin(), kl_.end());
    f.p99_kl = kl_[(kl_.size() - 1) * 99 / 100];
    f.top1_agreement = static_cast<double>(agreed_) / n;
    f.perplexity = elementary::exp(nll_ / static_cast<double>(scored_));
    f.reference_perplexity = elementary::exp(reference_nll_ / static_cast<double>(scored_));
    return f;
  }

 private:
  // Adds one position: KL(p || q) = sum of p (log p - log q), p of the reference and q of the
  // model. `next` is the token that follows; it is null at the end of a window.
  void position(std::span<const float> logits, std::span<const float> reference,
                const TokenId* next) {
    const LogSoftmax q(model_.state().kernels, logits), p(reference_.state().kernels, reference);
    double kl = 0;
    for (TokenId id = 0; id < static_cast<TokenId>(logits.size()); ++id) {
      const double log_p = p.in_double(id);
      kl += elementary::exp(log_p) * (log_p - q.in_double(id));
    }
    kl_.push_back(std::max(kl, 0.0));  // rounding may make it slightly negative
    agreed_ += likeliest(logits) == likeliest(reference);
    if (next == nullptr) return;
    nll_ -= q.in_double(*next);
    reference_nll_ -= p.in_double(*next);
    ++scored_;
  }

  const Model& model_;
  const Model& reference_;
  std::vector<double> kl_;
  int64_t agreed_ = 0, scored_ = 0;
  double nll_ = 0, reference_nll_ = 0;
};

}  // namespace

Fidelity fidelity(const Model& model, const Model& reference, std::span<const TokenId> ids,
                  const FidelityOptions& options) {
  const DefaultFloatEnvironment environment;
  const ModelConfig &a = model.config(), &b = reference.config();
  check(a.vocab_size == b.vocab_size && a.n_positions == b.n_positions, ErrorCode::kInvalidArgument,
        "fidelity: expected models of one vocabulary and context, found ", a.vocab_size, " and ",
        b.vocab_size, " ids, ", a.n_positions, " and ", b.n_positions, " positions");
  const int64_t window = options.window == 0 ? a.n_positions : options.window;
  check_param(2 <= window && window <= a.n_positions, "window", "expected 2 to ", a.n_positions,
              ", found ", window);
  const int64_t whole = static_cast<int64_t>(ids.size()) / window;
  check(whole >= 1, ErrorCode::kInvalidArgument, "fidelity: expected a text of at least ", window,
        " tokens, found ", ids.size());
  check_param(0 <= options.windows && options.windows <= whole, "windows", "expected 0 to ", whole,
              ", which the text has, found ", options.windows);
  const int64_t windows = options.windows == 0 ? whole : options.windows;
  Comparison comparison(model, reference);
  for (int64_t i = 0; i < windows; ++i) {
    comparison.window(ids.subspan(static_cast<size_t>(i * window), static_cast<size_t>(window)));
    check(!options.on_progress ||
              options.on_progress((i + 1) * window, windows * window) == Progress::kContinue,
          ErrorCode::kCancelled, "the comparison was cancelled");
  }
  return comparison.result();
}

}  // namespace gptj
