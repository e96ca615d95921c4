// SPDX-License-Identifier: Apache-2.0
#include "jobs/request_line.h"

#include "base/check.h"
#include "base/json.h"

namespace gptj {
namespace {

using OutputJson = nlohmann::ordered_json;

bool is_field(const std::string& name) {
  for (const RequestField& field : request_fields()) {
    if (name == field.name) return true;
  }
  return false;
}

constexpr const char* kPrompt = "text, a list of token ids, or a list of either";

std::vector<TokenId> ids_of(const Json& json) {
  std::vector<TokenId> ids;
  for (const Json& item : json) {
    const bool too_large = item.is_number_unsigned() && item.get<uint64_t>() > INT64_MAX;
    if (!item.is_number_integer() || too_large) fail_type("prompt", kPrompt, json);
    ids.push_back(item.get<TokenId>());
  }
  return ids;
}

// Returns the prompts of a line: one text, one list of ids, or a list of either, as clients send
// it.
std::vector<TextOrIds> prompts_of(const Json& json) {
  if (json.is_string()) return {json.get<std::string>()};
  if (!json.is_array()) fail_type("prompt", kPrompt, json);
  const bool is_list = !json.empty() && (json[0].is_string() || json[0].is_array());
  if (!is_list) return {ids_of(json)};
  std::vector<TextOrIds> prompts;
  for (const Json& item : json) {
    if (item.type() != json[0].type()) fail_type("prompt", kPrompt, json);
    prompts.push_back(item.is_string() ? TextOrIds(item.get<std::string>()) : ids_of(item));
  }
  return prompts;
}

// Drops defaults that the line overrides under another name: a field that the line has under one
// name counts before a default under the other.
void drop_other_names(const Json& json, Request& request) {
  const auto has = [&](const char* name) { return json.contains(name) && !json[name].is_null(); };
  const auto only = [&](const char* name, const char* other) { return has(name) && !has(other); };
  if (only("max_tokens", "max_new_tokens")) request.max_new_tokens.reset();
  if (only("max_new_tokens", "max_tokens")) request.max_tokens.reset();
  if (only("n", "num_return_sequences")) request.num_return_sequences.reset();
  if (only("num_return_sequences", "n")) request.n.reset();
  if (only("temperature", "do_sample")) request.do_sample.reset();
  if (only("do_sample", "temperature")) request.temperature.reset();
}

// Reads the prompt and the fields, from the line itself or from an envelope's body.
void read_request(const Json& json, RequestLine& line) {
  bool has_prompt = false;
  drop_other_names(json, line.request);
  for (const auto& [key, value] : json.items()) {
    if (value.is_null() || key == "model" || key == "user") continue;
    if (!line.envelope && (key == "id" || key == "custom_id")) continue;
    if (key == "prompt") {
      line.prompts = prompts_of(value);
      line.request.prompt = line.prompts[0];
      has_prompt = true;
    } else if (key == "stream") {
      if (value != false) fail_type(key, "false: records are written whole", value);
    } else if (is_field(key)) {
      set_request_field(line.request, key, dump_text(value));
      line.has_seed |= key == "seed";
    } else {
      fail_type(key, "a field of a request", value);
    }
  }
  check_param(has_prompt, "prompt", "expected text or a list of token ids, found none");
}

void read_envelope(const Json& json, RequestLine& line) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_null() || key == "custom_id" || key == "body") continue;
    if (key == "method") {
      if (value != "POST") fail_type(key, "\"POST\"", value);
    } else if (key == "url") {
      if (value != "/v1/completions") fail_type(key, "\"/v1/completions\"", value);
    } else {
      fail_type(key, "custom_id, method, url or body", value);
    }
  }
  const auto body = json.find("body");
  check_param(body != json.end() && !body->is_null(), "body", "expected an object, found none");
  if (!body->is_object()) fail_type("body", "an object", *body);
  read_request(*body, line);
}

// Reads the id. This comes before all other fields, so that their error records have the id.
void read_id(const Json& json, RequestLine& line) {
  for (const char* key : {"id", "custom_id"}) {
    const auto id = json.find(key);
    if (id == json.end() || id->is_null()) continue;
    if (!id->is_string() && !id->is_number_integer()) {
      fail_type(key, "text or an integer", *id);
    }
    line.id = dump_text(*id);
    return;
  }
}

void read_line(std::string_view text, RequestLine& line) {
  Json json = parse_json(text, "line");
  const TakenApart apart(json);
  check(json.is_object(), ErrorCode::kInvalidArgument, "line: expected a JSON object");
  const auto is_set = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && !found->is_null();
  };
  line.envelope = is_set("body") || is_set("url") || is_set("method");
  read_id(json, line);
  if (line.envelope) {
    read_envelope(json, line);
  } else {
    read_request(json, line);
  }
}

std::string text_json(std::string_view text) { return dump_text(OutputJson(text)); }

}  // namespace

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

RequestLine parse_request_line(std::string_view text, int64_t number, const Request& defaults) {
  RequestLine line;
  line.id = text_json("line-" + std::to_string(number));
  line.request = defaults;
  try {
    read_line(text, line);
  } catch (const Error& error) {
    // In a job, a line that is no JSON counts as a wrong argument, not as a damaged file.
    const bool bad_json = error.code() == ErrorCode::kBadFile;
    line.error = bad_json ? Error(ErrorCode::kInvalidArgument, error.what(), error.param()) : error;
  }
  return line;
}

Completion joined(std::vector<Completion> answers) {
  Completion all = std::move(answers.front());
  for (size_t i = 1; i < answers.size(); ++i) {
    Completion& one = answers[i];
    for (Choice& choice : one.choices) {
      choice.index = static_cast<int64_t>(all.choices.size());
      all.choices.push_back(std::move(choice));
    }
    all.usage.prompt_tokens += one.usage.prompt_tokens;
    all.usage.completion_tokens += one.usage.completion_tokens;
    all.usage.total_tokens += one.usage.total_tokens;
  }
  return all;
}

std::string answer_record(const Model& model, const RequestLine& line,
                          const Completion& completion) {
  const std::string body = completion_json(model, line.request, completion);
  if (!line.envelope) return "{\"id\":" + line.id + "," + body.substr(1);
  return "{\"custom_id\":" + line.id + ",\"response\":{\"status_code\":200,\"body\":" + body +
         "},\"error\":null}";
}

std::string error_record(const RequestLine& line, const Error& error) {
  const std::string param = error.param().empty() ? "null" : text_json(error.param());
  const std::string object = std::string("{\"code\":\"") + error_code_name(error.code()) +
                             "\",\"message\":" + text_json(error.what()) + ",\"param\":" + param +
                             "}";
  if (!line.envelope) return "{\"id\":" + line.id + ",\"error\":" + object + "}";
  return "{\"custom_id\":" + line.id + ",\"response\":null,\"error\":" + object + "}";
}

}  // namespace gptj
