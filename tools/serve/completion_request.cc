// SPDX-License-Identifier: Apache-2.0
#include "completion_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gptj::serve {
namespace {

constexpr size_t kMostStopBytes = 256, kMostBadWords = 128, kMostBiases = 1024;

[[noreturn]] void fail(const std::string& message, const std::string& param) {
  throw Error(ErrorCode::kInvalidArgument, message, param);
}

// What asks for text of a certain form. Ignoring it would give another answer than was asked for.
constexpr const char* kConstraints[] = {"grammar",
                                        "json_schema",
                                        "guided_json",
                                        "guided_regex",
                                        "guided_choice",
                                        "guided_grammar",
                                        "structured_outputs",
                                        "grammar_string",
                                        "guided_decoding_backend"};

// Returns whether a value asks for nothing: null, false, "", [], {}.
bool is_nothing(const Json& value) {
  return value.is_null() || value == false || value == "" ||
         ((value.is_array() || value.is_object()) && value.empty());
}

void refuse_constraints(const Json& body) {
  for (const char* name : kConstraints) {
    if (body.contains(name) && !is_nothing(body[name])) {
      fail(std::string(name) + ": constrained output is not supported", name);
    }
  }
  const auto format = body.find("response_format");
  if (format != body.end() && format->is_object() && format->value("type", "text") != "text") {
    fail_field("response_format", "{\"type\": \"text\"}", *format);
  }
  const auto suffix = body.find("suffix");
  if (suffix != body.end() && !is_nothing(*suffix)) {
    fail("suffix: GPT-J does not insert text; expected none", "suffix");
  }
}

bool is_list_of_ids(const Json& list) {
  return !list.empty() &&
         std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_number(); });
}

// A text, a list of texts, a list of ids, or a list of lists of ids.
std::vector<TextOrIds> prompts_of(const Json& body) {
  const auto found = body.find("prompt");
  if (found == body.end() || found->is_null()) return {std::string()};
  const Json& prompt = *found;
  constexpr const char* kExpected = "text, token ids, or a list of either";
  if (prompt.is_string()) return {prompt.get<std::string>()};
  if (!prompt.is_array() || prompt.empty()) fail_field("prompt", kExpected, prompt);
  if (is_list_of_ids(prompt)) return {ids_of(prompt, "prompt")};
  std::vector<TextOrIds> prompts;
  for (const Json& item : prompt) {
    if (item.is_string()) {
      prompts.emplace_back(item.get<std::string>());
    } else if (item.is_array() && is_list_of_ids(item)) {
      prompts.emplace_back(ids_of(item, "prompt"));
    } else {
      fail_field("prompt", kExpected, item);
    }
    if (prompts.size() > kMostTexts) {
      fail("prompt: expected at most " + std::to_string(kMostTexts) + " prompts, found " +
               std::to_string(prompt.size()),
           "prompt");
    }
  }
  return prompts;
}

// Returns the value as the library takes it. Clients send some values that mean "off" or "none" in
// other ways; these become null.
Json plain_value(const std::string& name, const Json& value) {
  if (name == "seed" && value.is_number() && value < 0) return nullptr;
  if (name == "top_k" && value == -1) return 0;
  if (name == "logit_bias" && value.is_array() && value.empty()) return nullptr;
  if (name == "logprobs" && value == false) return nullptr;
  const bool may_be_integral = name == "max_tokens" || name == "top_k" || name == "seed" ||
                               name == "n" || name == "logprobs" || name == "min_tokens";
  if (may_be_integral && value.is_number_float()) return *integer_of({{name, value}}, name.c_str());
  if (name != "stop") return value;
  Json stops = Json::array();
  for (const Json& stop : value.is_array() ? value : Json::array({value})) {
    if (!stop.is_null() && stop != "") stops.push_back(stop);
  }
  return stops;
}

Request request_of(const Json& body) {
  Request request;
  for (const RequestField& field : request_fields()) {
    const auto value = body.find(field.name);
    if (value != body.end()) {
      set_request_field(request, field.name, dump(plain_value(field.name, *value)));
    }
  }
  return request;
}

void set_defaults(const Model& model, const CompletionRules& rules, Request& request) {
  if (!request.max_tokens && !request.max_new_tokens) request.max_tokens = rules.default_max_tokens;
  if (rules.max_tokens_limit > 0) {
    for (auto* most : {&request.max_tokens, &request.max_new_tokens}) {
      if (*most) *most = std::min(**most, rules.max_tokens_limit);
    }
  }
  // OpenAI's default is temperature 1. A model that says how it wants to be sampled is not
  // overruled.
  const bool is_said =
      request.temperature || request.do_sample || request.num_beams.value_or(1) > 1;
  const GenerationDefaults& defaults = model.generation_defaults();
  if (!is_said && !defaults.do_sample && !defaults.temperature) request.temperature = 1;
}

}  // namespace

void check_sizes(const Request& request) {
  for (const std::string& stop : request.stop) {
    if (stop.size() > kMostStopBytes) {
      fail("stop: expected strings of at most " + std::to_string(kMostStopBytes) +
               " bytes, found one of " + std::to_string(stop.size()),
           "stop");
    }
  }
  if (request.bad_words && request.bad_words->size() > kMostBadWords) {
    fail("bad_words: expected at most " + std::to_string(kMostBadWords) + " words, found " +
             std::to_string(request.bad_words->size()),
         "bad_words");
  }
  if (request.logit_bias.size() > kMostBiases) {
    fail("logit_bias: expected at most " + std::to_string(kMostBiases) + " ids, found " +
             std::to_string(request.logit_bias.size()),
         "logit_bias");
  }
}

CompletionCall parse_completion(const Json& body, const Model& model,
                                const CompletionRules& rules) {
  refuse_constraints(body);
  if (rules.strict_model) {
    const std::string name = text_of(body, "model").value_or(rules.model_name);
    if (name != rules.model_name) {
      throw Error(ErrorCode::kNotFound,
                  "model: expected \"" + rules.model_name + "\", found \"" + name + "\"", "model");
    }
  }
  CompletionCall call;
  call.stream = flag_of(body, "stream").value_or(false);
  const auto options = body.find("stream_options");
  if (options != body.end() && !options->is_null()) {
    if (!options->is_object()) fail_field("stream_options", "an object", *options);
    if (!call.stream) fail("stream_options: expected only with stream true", "stream_options");
    call.include_usage = flag_of(*options, "include_usage").value_or(false);
  }
  Request request = request_of(body);
  set_defaults(model, rules, request);
  check_sizes(request);
  call.n = request.n.value_or(request.num_return_sequences.value_or(1));
  const int64_t best_of = request.best_of.value_or(call.n);
  if (call.stream && best_of > call.n) {
    fail("best_of: expected no more than n with stream, found " + std::to_string(best_of),
         "best_of");
  }
  // The model's own number of texts is not what a client of this interface expects.
  if (!request.n && !request.num_return_sequences) request.n = 1;
  std::vector<TextOrIds> prompts = prompts_of(body);
  const auto count = static_cast<int64_t>(prompts.size());
  if (best_of > kMostTexts || count * std::max(best_of, int64_t{1}) > kMostTexts) {
    fail("n: expected at most " + std::to_string(kMostTexts) +
             " texts of all prompts together, found " + std::to_string(count) + " prompts of " +
             std::to_string(best_of),
         "n");
  }
  for (TextOrIds& prompt : prompts) {
    call.requests.push_back(request);
    call.requests.back().prompt = std::move(prompt);
  }
  return call;
}

}  // namespace gptj::serve
