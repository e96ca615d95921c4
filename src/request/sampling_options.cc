// SPDX-License-Identifier: Apache-2.0
#include "request/sampling_options.h"

#include <cmath>

#include "base/check.h"

namespace gptj {
namespace {

void check_range(const char* param, double value, double lowest, double highest) {
  check_param(value >= lowest && value <= highest, param, "expected a number from ", lowest, " to ",
              highest, ", found ", value);
}

void check_finite(const char* param, double value) {
  check_param(std::isfinite(value), param, "expected a finite number, found ", value);
}

void check_id(const char* param, TokenId id, int64_t vocab_size) {
  check_param(id >= 0 && id < vocab_size, param, "expected token ids from 0 to ", vocab_size - 1,
              ", found ", id);
}

void check_not_negative(const char* param, int64_t value) {
  check_param(value >= 0, param, "expected 0 or more tokens, found ", value);
}

}  // namespace

void check_sampling_options(const SamplingOptions& options, int64_t vocab_size) {
  check_range("repetition_penalty", options.repetition_penalty, 0.001, 1000);
  check_not_negative("repetition_penalty_range", options.repetition_penalty_range);
  check_finite("frequency_penalty", options.frequency_penalty);
  check_finite("presence_penalty", options.presence_penalty);
  for (const auto& [id, bias] : options.logit_bias) {
    check_id("logit_bias", id, vocab_size);
    check_finite("logit_bias", bias);
  }
  check_not_negative("no_repeat_ngram_size", options.no_repeat_ngram_size);
  check_not_negative("encoder_no_repeat_ngram_size", options.encoder_no_repeat_ngram_size);
  const auto check_ids = [&](const char* param, const std::vector<TokenId>& ids) {
    for (const TokenId id : ids) check_id(param, id, vocab_size);
  };
  check_ids("forced_eos_token_id", options.forced_last);
  check_ids("suppress_tokens", options.suppressed);
  check_ids("begin_suppress_tokens", options.suppressed_first);
  if (options.forced_first) check_id("forced_bos_token_id", *options.forced_first, vocab_size);
  for (const auto& word : options.bad_words) {
    check_param(!word.empty(), "bad_words", "expected at least one token in each, found none");
    for (const TokenId id : word) check_id("bad_words", id, vocab_size);
  }
  check_param(options.temperature >= 0 && std::isfinite(options.temperature), "temperature",
              "expected a number of 0 or more, found ", options.temperature);
  check_not_negative("top_k", options.top_k);
  check_range("top_p", options.top_p, 0, 1);
  check_range("min_p", options.min_p, 0, 1);
  check_range("typical_p", options.typical_p, 0, 1);
}

}  // namespace gptj
