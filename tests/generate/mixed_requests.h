// SPDX-License-Identifier: Apache-2.0
// Requests of every kind for the bundled model, a function of their number.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "generate/models.h"

namespace gptj::test {

// 0 .. below - 1
inline int64_t draw(uint64_t number, uint64_t what, int64_t below) {
  return static_cast<int64_t>(random_bits(11, number, what) % static_cast<uint64_t>(below));
}

inline void add_sampling(uint64_t number, nlohmann::json& json) {
  switch (draw(number, 3, 6)) {
    case 0: json["temperature"] = 0; break;
    case 1:
      json["top_p"] = 0.9;
      json["logit_bias"] = {{"11", -100}, {"262", 2.5}};
      json["bad_words"] = {" king", "the"};
      break;
    case 2:
      json["top_k"] = 20;
      json["frequency_penalty"] = 0.5;
      break;
    case 3:
      json["min_p"] = 0.05;
      json["repetition_penalty"] = 1.2;
      json["no_repeat_ngram_size"] = 3;
      break;
    case 4:
      json["typical_p"] = 0.8;
      json["presence_penalty"] = 0.7;
      break;
    default: json["temperature"] = 1.3;
  }
  if (draw(number, 4, 3) == 0) json["stop"] = {"e", "the"};
  if (draw(number, 5, 3) == 0) json["n"] = 1 + draw(number, 6, 4);
  if (draw(number, 7, 4) == 0) json["best_of"] = 5;
}

// Of at most `longest` tokens: random ids, a third of them behind one of two templates, or text.
inline nlohmann::json mixed_prompt(uint64_t number, int64_t longest) {
  const int64_t length = 1 + draw(number, 0, longest);
  if (draw(number, 16, 6) == 0) {
    std::string text = "Once upon a time";
    const std::string more = " there was a king who had " + std::to_string(number) + " daughters";
    for (int64_t n = 24; n < length; n += 20) text += more;
    return text;
  }
  const bool templated = draw(number, 17, 3) == 0;
  const auto which = 1'000'000 + static_cast<uint64_t>(draw(number, 18, 2));
  const int64_t vocab_size = fairytale().config().vocab_size;
  std::vector<int64_t> ids(static_cast<size_t>(length));
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool common = templated && i < ids.size() * 3 / 4;
    ids[i] = draw(common ? which : number, 100 + i, vocab_size);
  }
  return ids;
}

// The number-th request as the fields of a line of JSON: prompts of 1 to `longest` tokens, greedy
// and sampled with every processor, beams, stops, n and best_of, logprobs and echo.
inline nlohmann::json mixed_request(uint64_t number, int64_t longest) {
  nlohmann::json json;
  json["prompt"] = mixed_prompt(number, longest);
  json["max_tokens"] = draw(number, 1, 20);
  json["seed"] = draw(number, 2, 1000);
  const bool beams = draw(number, 12, 6) == 0;
  if (beams) {
    json["num_beams"] = 2 + draw(number, 13, 4);
    json["length_penalty"] = 0.5 + static_cast<double>(draw(number, 14, 3));
    json["early_stopping"] = draw(number, 15, 2) == 0;
    json["n"] = 1 + draw(number, 6, 2);
  } else {
    add_sampling(number, json);
  }
  if (draw(number, 8, 3) == 0) json["logprobs"] = draw(number, 9, 4);
  if (draw(number, 10, 4) == 0) json["echo"] = true;
  if (draw(number, 11, 5) == 0) json["ignore_eos"] = true;
  return json;
}

inline Request request_of_json(const nlohmann::json& json) {
  Request request;
  const nlohmann::json& prompt = json.at("prompt");
  if (prompt.is_string()) {
    request.prompt = prompt.get<std::string>();
  } else {
    request.prompt = prompt.get<std::vector<TokenId>>();
  }
  for (const auto& [name, value] : json.items()) {
    if (name != "prompt") set_request_field(request, name, value.dump());
  }
  return request;
}

}  // namespace gptj::test
