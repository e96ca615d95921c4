// SPDX-License-Identifier: Apache-2.0
#include "sampling/logits_processor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/elementary.h"

namespace gptj {
namespace {

using Ids = std::span<const TokenId>;

constexpr double kLargest = 1e30;  // far above any logit, and finite after any division

size_t at(TokenId id) { return static_cast<size_t>(id); }

void forbid(std::span<float> logits, TokenId id) {
  logits[at(id)] = -std::numeric_limits<float>::infinity();
}

std::vector<int32_t> count_ids(Ids ids, size_t vocab_size) {
  std::vector<int32_t> counts(vocab_size);
  for (const TokenId id : ids) ++counts[at(id)];
  return counts;
}

void penalize_repetition(std::span<float> logits, Ids ids, float penalty) {
  const auto counts = count_ids(ids, logits.size());
  for (size_t id = 0; id < logits.size(); ++id) {
    if (counts[id] > 0) logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
  }
}

void penalize_output(std::span<float> logits, Ids output, const SamplingOptions& options) {
  const auto counts = count_ids(output, logits.size());
  for (size_t id = 0; id < logits.size(); ++id) {
    if (counts[id] == 0) continue;
    logits[id] -= static_cast<float>(counts[id] * options.frequency_penalty);
    logits[id] -= static_cast<float>(options.presence_penalty);
  }
}

// Forbids each id that, anywhere in `seen`, follows the same size - 1 ids with which `ids` ends.
void forbid_repeated_ngrams(std::span<float> logits, Ids ids, Ids seen, size_t size) {
  if (ids.size() + 1 < size) return;
  const Ids last = ids.last(size - 1);
  for (size_t i = 0; i + size <= seen.size(); ++i) {
    if (std::ranges::equal(seen.subspan(i, size - 1), last)) forbid(logits, seen[i + size - 1]);
  }
}

// Forbids all ids but these, and makes these equally likely. Their logits become 0, so that a
// beam's sum of logprobs stays as it is.
void force(std::span<float> logits, Ids ids) {
  std::ranges::fill(logits, -std::numeric_limits<float>::infinity());
  for (const TokenId id : ids) logits[at(id)] = 0;
}

void favour_end(std::span<float> logits, const TokenHistory& history,
                const SamplingOptions& options) {
  const auto generated = static_cast<int64_t>(history.ids.size() - history.prompt_size);
  if (generated <= options.decay_start) return;
  const auto steps = static_cast<double>(generated - options.decay_start);
  const double power = std::min(steps * elementary::log(options.decay_factor), 80.0);
  const double growth = elementary::exp(power) - 1;
  for (const TokenId end : history.end_ids) {
    float& logit = logits[at(end)];
    if (!std::isfinite(logit)) continue;  // min_tokens forbids it
    const double grown = double{logit} + std::abs(double{logit}) * growth;
    logit = static_cast<float>(std::min(grown, kLargest));
  }
}

bool is_end_token(Ids word, Ids end_ids) {
  return word.size() == 1 && std::ranges::count(end_ids, word[0]) != 0;
}

bool ends_with(Ids ids, Ids suffix) {
  return ids.size() >= suffix.size() && std::ranges::equal(ids.last(suffix.size()), suffix);
}

void forbid_word(std::span<float> logits, const TokenHistory& history, Ids word) {
  if (is_end_token(word, history.end_ids)) return;
  if (ends_with(history.ids, word.first(word.size() - 1))) forbid(logits, word.back());
}

}  // namespace

void apply_penalties(std::span<float> logits, const TokenHistory& history,
                     const SamplingOptions& options) {
  const Ids prompt = history.ids.first(history.prompt_size);
  const Ids output = history.ids.subspan(history.prompt_size);
  if (options.encoder_repetition_penalty != 1) {
    penalize_repetition(logits, prompt, static_cast<float>(1 / options.encoder_repetition_penalty));
  }
  if (options.repetition_penalty != 1) {
    const size_t size = history.ids.size(), range = at(options.repetition_penalty_range);
    const Ids seen = range == 0 ? history.ids : history.ids.last(std::min(range, size));
    penalize_repetition(logits, seen, static_cast<float>(options.repetition_penalty));
  }
  if (options.frequency_penalty != 0 || options.presence_penalty != 0) {
    penalize_output(logits, output, options);
  }
  for (const auto& [id, bias] : options.logit_bias) logits[at(id)] += static_cast<float>(bias);
  if (options.no_repeat_ngram_size > 0) {
    forbid_repeated_ngrams(logits, history.ids, history.ids, at(options.no_repeat_ngram_size));
  }
  if (options.encoder_no_repeat_ngram_size > 0) {
    forbid_repeated_ngrams(logits, history.ids, prompt, at(options.encoder_no_repeat_ngram_size));
  }
  for (const auto& word : options.bad_words) forbid_word(logits, history, word);
  if (options.forced_first && history.ids.size() == 1) force(logits, {&*options.forced_first, 1});
  if (!options.forced_last.empty() && history.is_last) force(logits, options.forced_last);
  if (options.decay_factor != 1) favour_end(logits, history, options);
  for (const TokenId id : options.suppressed) forbid(logits, id);
  if (output.empty()) {
    for (const TokenId id : options.suppressed_first) forbid(logits, id);
  }
}

}  // namespace gptj
