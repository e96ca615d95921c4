// SPDX-License-Identifier: Apache-2.0
#include "kobold_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "completion_request.h"

namespace gptj::serve {
namespace {

constexpr int64_t kDefaultMaxLength = 100;

[[noreturn]] void fail(const std::string& message, const std::string& param) {
  throw Error(ErrorCode::kInvalidArgument, message, param);
}

// Kobold's names of fields that the library has under another name.
constexpr std::pair<const char*, const char*> kNames[] = {
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_k", "top_k"},
    {"min_p", "min_p"},
    {"typical", "typical_p"},
    {"rep_pen", "repetition_penalty"},
    {"rep_pen_range", "repetition_penalty_range"},
    {"presence_penalty", "presence_penalty"},
    {"sampler_seed", "seed"},
    {"logit_bias", "logit_bias"},
    {"bypass_eos", "ignore_eos"},
};

// Returns the value as the library takes it; null for one that means "off" or "none".
Json plain_value(const std::string& name, const Json& value) {
  const bool integral = name == "seed" || name == "top_k" || name == "repetition_penalty_range";
  if (name == "seed" && value.is_number() && value < 1) return nullptr;
  if (name == "logit_bias" && value.empty()) return nullptr;
  if (integral && value.is_number())
    return std::max<int64_t>(*integer_of({{name, value}}, name.c_str()), 0);
  return value;
}

void set_samplers(const Json& body, Request& request) {
  for (const auto& [name, field] : kNames) {
    const auto value = body.find(name);
    if (value == body.end()) continue;
    try {
      set_request_field(request, field, dump(plain_value(field, *value)));
    } catch (const Error& error) {  // by the name that the client knows
      fail(std::string(name) + std::string(error.what()).substr(std::string_view(field).size()),
           name);
    }
  }
}

void set_stops(const Json& body, Request& request) {
  const auto stops = body.find("stop_sequence");
  if (stops != body.end() && !stops->is_null()) {
    if (!stops->is_array()) fail_field("stop_sequence", "a list of texts", *stops);
    for (const Json& stop : *stops) {
      if (!stop.is_string()) fail_field("stop_sequence", "a list of texts", stop);
      if (stop != "") request.stop.push_back(stop.get<std::string>());
    }
  }
  if (flag_of(body, "singleline").value_or(false)) request.stop.emplace_back("\n");
}

void ban_tokens(const Json& body, const Model& model, Request& request) {
  if (flag_of(body, "use_default_badwordsids").value_or(false)) {
    for (const TokenId end : model.config().eos_token_ids) request.logit_bias[end] = -100;
  }
  const auto banned = body.find("banned_tokens");
  if (banned == body.end() || !banned->is_array() || banned->empty()) return;
  set_request_field(request, "bad_words", dump(*banned));
}

// Returns memory and prompt as ids, without the prompt's oldest where both do not fit `room`.
std::vector<TokenId> ids_of_prompt(const Json& body, const Model& model, int64_t room) {
  const Tokenizer* tokenizer = model.tokenizer();
  if (tokenizer == nullptr) fail("prompt: " + model.name() + " has no tokenizer", "prompt");
  const std::string memory = text_of(body, "memory").value_or("");
  const std::string prompt = text_of(body, "prompt").value_or("");
  std::vector<TokenId> ids;
  if (!memory.empty()) ids = tokenizer->encode(memory);
  std::vector<TokenId> rest = tokenizer->encode(prompt, {.continues = !memory.empty()});
  const auto most = static_cast<size_t>(std::max<int64_t>(room, 1));
  if (ids.size() > most) ids.resize(most);
  const size_t kept = std::min(rest.size(), most - ids.size());
  ids.insert(ids.end(), rest.end() - static_cast<std::ptrdiff_t>(kept), rest.end());
  return ids;
}

}  // namespace

KoboldCall parse_kobold(const Json& body, const Model& model, int64_t max_tokens_limit) {
  for (const char* name : {"grammar", "images"}) {
    const auto value = body.find(name);
    if (value != body.end() && !value->is_null() && *value != "" && !value->empty()) {
      fail(std::string(name) + " is not supported", name);
    }
  }
  KoboldCall call;
  call.key = text_of(body, "genkey").value_or("");
  call.trim_stop = flag_of(body, "trim_stop").value_or(true);
  Request& request = call.request;
  request.n = 1;
  set_samplers(body, request);
  if (!request.temperature) request.temperature = 1;
  set_stops(body, request);
  ban_tokens(body, model, request);
  check_sizes(request);
  const int64_t n_positions = model.config().n_positions;
  int64_t length = integer_of(body, "max_length").value_or(kDefaultMaxLength);
  if (max_tokens_limit > 0) length = std::min(length, max_tokens_limit);
  if (length < 1)
    fail("max_length: expected 1 or more, found " + std::to_string(length), "max_length");
  request.max_tokens = std::min(length, n_positions - 1);
  int64_t context = integer_of(body, "max_context_length").value_or(n_positions);
  context = std::clamp(context, int64_t{1}, n_positions);
  request.prompt = ids_of_prompt(body, model, context - *request.max_tokens);
  return call;
}

}  // namespace gptj::serve
