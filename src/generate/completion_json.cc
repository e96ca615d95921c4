// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"
#include "base/json_apart.h"
#include "gptj/generate.h"

namespace gptj {
namespace {

// Keys stay in the order in which they are set; numbers are f32, printed as short as reads back.
using OutputJson = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool,
                                        int64_t, uint64_t, float>;

// The text of a token as an entry of "tokens".
std::string token_text(const Tokenizer* tokenizer, TokenId id) {
  if (tokenizer == nullptr) return std::to_string(id);
  return tokenizer->has(id) ? to_valid_utf8(tokenizer->token_bytes(id)) : std::string();
}

// A key of "top_logprobs": the token's text where that is whole UTF-8 and its alone.
std::string token_key(const Tokenizer* tokenizer, TokenId id) {
  if (tokenizer != nullptr && tokenizer->has(id)) {
    const std::string bytes(tokenizer->token_bytes(id));
    if (to_valid_utf8(bytes) == bytes && tokenizer->find(bytes) == id) return bytes;
  }
  return "token_id:" + std::to_string(id);
}

OutputJson logprobs_json(const Tokenizer* tokenizer, const Choice& choice) {
  OutputJson tokens = OutputJson::array(), chosen = OutputJson::array(), top = OutputJson::array();
  for (size_t i = 0; i < choice.token_ids.size(); ++i) {
    const LogprobEntry& entry = choice.logprobs[i];
    tokens.push_back(token_text(tokenizer, choice.token_ids[i]));
    if (!entry.logprob) {
      chosen.push_back(nullptr);
      top.push_back(nullptr);
      continue;
    }
    chosen.push_back(*entry.logprob);
    OutputJson best = OutputJson::object();
    for (const TokenLogprob& t : entry.top) best[token_key(tokenizer, t.id)] = t.logprob;
    top.push_back(std::move(best));
  }
  OutputJson json = object_of<OutputJson>(8);
  json["tokens"] = std::move(tokens);
  json["token_logprobs"] = std::move(chosen);
  json["top_logprobs"] = std::move(top);
  return json;
}

OutputJson choice_json(const Tokenizer* tokenizer, const Choice& choice, bool with_logprobs) {
  OutputJson json = object_of<OutputJson>(8);
  json["text"] = choice.text ? OutputJson(*choice.text) : OutputJson();
  json["index"] = choice.index;
  json["finish_reason"] = finish_reason_name(choice.finish_reason);
  json["token_ids"] = choice.token_ids;
  json["logprobs"] = with_logprobs ? logprobs_json(tokenizer, choice) : OutputJson();
  json["score"] = choice.score ? OutputJson(*choice.score) : OutputJson();
  return json;
}

}  // namespace

std::string completion_json(const Model& model, const Request& request,
                            const Completion& completion) {
  OutputJson json = object_of<OutputJson>(8);
  const TakenApart apart(json);
  json["object"] = "text_completion";
  json["model"] = to_valid_utf8(model.name());
  json["choices"] = OutputJson::array();
  for (const Choice& choice : completion.choices) {
    json["choices"].push_back(choice_json(model.tokenizer(), choice, request.logprobs.has_value()));
  }
  OutputJson& usage = json["usage"] = OutputJson::object();
  usage["prompt_tokens"] = completion.usage.prompt_tokens;
  usage["completion_tokens"] = completion.usage.completion_tokens;
  usage["total_tokens"] = completion.usage.total_tokens;
  json["seed"] = completion.seed;
  return dump_text(json);
}

}  // namespace gptj
