// SPDX-License-Identifier: Apache-2.0
// Models and requests that the tests of complete() share.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "generate/task.h"
#include "gptj/generate.h"
#include "gptj/gptj.h"
#include "support/golden.h"

namespace gptj::test {

inline const std::string kFairytale = GPTJ_SOURCE_DIR "/models/fairytale-8m";

// The bundled model, loaded once per process.
inline const Model& fairytale() {
  static const Model model = Model::load(kFairytale, {.weights = WeightType::kF32, .threads = 2});
  return model;
}

// Neither tokenizer nor generation_config.json; 131 ids, 128 positions, bos and eos are 0.
inline const Model& golden_model() {
  static const Model model = Model::load(golden_path("rotary-partial-f32"), {.threads = 2});
  return model;
}

// What Hugging Face computed with the bundled model.
inline const nlohmann::json& fairytale_reference() {
  static const nlohmann::json json = read_json(golden_path("fairytale-8m-reference.json"));
  return json;
}

inline Request request_of(TextOrIds prompt, int64_t max_tokens, double temperature = 0) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.temperature = temperature;
  request.seed = 7;
  return request;
}

// Bytes of KV cache that the widest of the requests takes: fewer are refused.
inline uint64_t kv_bytes_of_widest(const Model& model, const std::vector<Request>& requests) {
  size_t pages = 0;
  for (const Request& request : requests) {
    pages = std::max(pages, make_task(model, request)->pages());
  }
  return pages * model.kv_cache_bytes(1);
}

inline std::vector<std::string> texts_of(const Completion& completion) {
  std::vector<std::string> texts;
  for (const Choice& choice : completion.choices) texts.push_back(choice.text.value());
  return texts;
}

// The logits after each of `ids`.
inline std::vector<std::vector<float>> logits_of(const Model& model,
                                                 const std::vector<TokenId>& ids) {
  Session session(model);
  return forward(session, rows_of(ids, session.add_sequence(), 0));
}

}  // namespace gptj::test
