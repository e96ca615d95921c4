// SPDX-License-Identifier: Apache-2.0
// Cases of the shape of golden/sampler.json: logits in, probabilities out.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "base/json.h"
#include "sampling/distribution.h"
#include "sampling/logits_processor.h"

namespace gptj {

struct SamplerCase {
  std::string name;  // with its parameters, for messages
  SamplingOptions options;
  std::vector<TokenId> context;
  size_t prompt_size;  // "prompt_size", 0 by default: frequency and presence skip so many ids
  std::vector<float> logits;
  std::vector<double> probabilities;
};

inline SamplingOptions read_sampling_options(const Json& params) {
  SamplingOptions options;
  for (const auto& [key, value] : params.items()) {
    if (key == "repetition_penalty") {
      value.get_to(options.repetition_penalty);
    } else if (key == "frequency_penalty") {
      value.get_to(options.frequency_penalty);
    } else if (key == "presence_penalty") {
      value.get_to(options.presence_penalty);
    } else if (key == "logit_bias") {
      for (const auto& [id, bias] : value.items()) {
        options.logit_bias.emplace_back(std::stoll(id), bias.get<double>());
      }
    } else if (key == "no_repeat_ngram_size") {
      value.get_to(options.no_repeat_ngram_size);
    } else if (key == "bad_words_ids" || key == "bad_words") {
      value.get_to(options.bad_words);
    } else if (key == "temperature") {
      value.get_to(options.temperature);
    } else if (key == "top_k") {
      value.get_to(options.top_k);
    } else if (key == "top_p") {
      value.get_to(options.top_p);
    } else if (key == "min_p") {
      value.get_to(options.min_p);
    } else if (key == "typical_p") {
      value.get_to(options.typical_p);
    } else {
      fail(ErrorCode::kBadFile, "unknown parameter " + key);
    }
  }
  return options;
}

// Throws Error and Json::exception for another shape.
inline SamplerCase read_sampler_case(const Json& json) {
  const Json& params = json.at("params");
  SamplerCase one{json.at("name").get<std::string>() + " " + params.dump(),
                  read_sampling_options(params),
                  json.at("context_ids").get<std::vector<TokenId>>(),
                  json.value("prompt_size", size_t{0}),
                  json.at("logits").get<std::vector<float>>(),
                  json.at("probs").get<std::vector<double>>()};
  const auto vocab_size = static_cast<int64_t>(one.logits.size());
  check(vocab_size > 0 && one.probabilities.size() == one.logits.size(), ErrorCode::kBadFile,
        one.name, ": expected as many probs as logits");
  check(one.prompt_size <= one.context.size(), ErrorCode::kBadFile, one.name,
        ": prompt_size exceeds context_ids");
  for (const TokenId id : one.context) {
    check(id >= 0 && id < vocab_size, ErrorCode::kBadFile, one.name, ": no logit for id ", id);
  }
  check_sampling_options(one.options, vocab_size);
  return one;
}

inline std::vector<double> probabilities_of(const SamplerCase& one) {
  const std::vector<TokenId> end_ids = {0};
  std::vector<float> logits = one.logits;
  apply_penalties(logits, {one.context, one.prompt_size, end_ids}, one.options);
  Distribution distribution = final_distribution(logits, one.options);
  std::vector<double> probabilities(logits.size());
  for (const Candidate& candidate : distribution.best(distribution.size())) {
    probabilities[static_cast<size_t>(candidate.id)] = candidate.probability;
  }
  return probabilities;
}

// Empty if the probabilities agree within 1e-5, else the first that differs.
inline std::string difference(const SamplerCase& one) {
  const std::vector<double> found = probabilities_of(one);
  for (size_t id = 0; id < found.size(); ++id) {
    if (!(std::abs(found[id] - one.probabilities[id]) <= 1e-5)) {
      return concat(one.name, ": id ", id, ": expected ", one.probabilities[id], ", found ",
                    found[id]);
    }
  }
  return {};
}

}  // namespace gptj
