// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"
#include "gptj/generate.h"

namespace gptj {
namespace {

// JSON whose keys stay in the order in which they are set. Its numbers are f32, printed with the
// fewest digits that read back as the same number.
using OutputJson = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool,
                                        int64_t, uint64_t, float>;

// Returns OpenAI's name for a token whose bytes are not whole UTF-8: "bytes:\\xe2\\x80".
std::string hex_name(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name = "bytes:";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    name += std::string("\\x") + kDigits[value >> 4] + kDigits[value & 15];
  }
  return name;
}

// Returns the name that a token has in both "tokens" and "top_logprobs": its text, or its bytes in
// hexadecimal if they are not whole UTF-8, or its id if another token has the same bytes or the
// tokenizer does not know the token.
std::string token_name(const Tokenizer* tokenizer, TokenId id) {
  if (tokenizer != nullptr && tokenizer->has(id)) {
    const std::string bytes(tokenizer->token_bytes(id));
    if (tokenizer->find(bytes) == id) {
      return to_valid_utf8(bytes) == bytes ? bytes : hex_name(bytes);
    }
  }
  return "token_id:" + std::to_string(id);
}

// Returns the best tokens, best first. The chosen token comes last if it is not among them.
OutputJson top_json(const Tokenizer* tokenizer, const LogprobEntry& entry, TokenId chosen) {
  OutputJson best = OutputJson::object();
  for (const TokenLogprob& t : entry.top) best[token_name(tokenizer, t.id)] = t.logprob;
  const std::string name = token_name(tokenizer, chosen);
  if (!best.contains(name)) best[name] = *entry.logprob;
  return best;
}

OutputJson logprobs_json(const Tokenizer* tokenizer, const Choice& choice) {
  OutputJson tokens = OutputJson::array(), chosen = OutputJson::array(), top = OutputJson::array(),
             offsets = OutputJson::array();
  for (size_t i = 0; i < choice.token_ids.size(); ++i) {
    const LogprobEntry& entry = choice.logprobs[i];
    const TokenId id = choice.token_ids[i];
    tokens.push_back(token_name(tokenizer, id));
    chosen.push_back(entry.logprob ? OutputJson(*entry.logprob) : OutputJson());
    top.push_back(entry.logprob ? top_json(tokenizer, entry, id) : OutputJson());
    offsets.push_back(entry.text_offset ? OutputJson(*entry.text_offset) : OutputJson());
  }
  OutputJson json = object_of<OutputJson>(8);
  json["tokens"] = std::move(tokens);
  json["token_logprobs"] = std::move(chosen);
  json["top_logprobs"] = std::move(top);
  json["text_offset"] = std::move(offsets);
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
