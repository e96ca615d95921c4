// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/json.h"
#include "gptj/generate.h"
#include "gptj/tokenizer.h"

namespace gptj {
namespace {

void read(const char* field, const Json& json, bool& value) {
  if (!json.is_boolean()) fail_type(field, "true or false", json);
  value = json.get<bool>();
}

void read(const char* field, const Json& json, int64_t& value) {
  const bool too_large = json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX;
  if (!json.is_number_integer() || too_large) fail_type(field, "an integer", json);
  value = json.get<int64_t>();
}

void read(const char* field, const Json& json, double& value) {
  if (!json.is_number()) fail_type(field, "a number", json);
  value = json.get<double>();
}

void read(const char* field, const Json& json, EarlyStopping& value) {
  if (json == "never") {
    value = EarlyStopping::kNever;
  } else if (json.is_boolean()) {
    value = json.get<bool>() ? EarlyStopping::kYes : EarlyStopping::kNo;
  } else {
    fail_type(field, "true, false or \"never\"", json);
  }
}

void read(const char* field, const Json& json, Overflow& value) {
  if (json == "error") {
    value = Overflow::kError;
  } else if (json == "truncate") {
    value = Overflow::kTruncate;
  } else if (json == "slide") {
    value = Overflow::kSlide;
  } else {
    fail_type(field, "\"error\", \"truncate\" or \"slide\"", json);
  }
}

void read(const char* field, const Json& json, std::vector<std::string>& value) {
  value.clear();
  const auto add = [&](const Json& item) {
    if (!item.is_string()) fail_type(field, "a string or a list of strings", json);
    value.push_back(item.get<std::string>());
  };
  if (!json.is_array()) return add(json);
  for (const Json& item : json) add(item);
}

void read(const char* field, const Json& json, std::vector<TextOrIds>& value) {
  value.clear();
  if (!json.is_array()) fail_type(field, "a list of strings or of lists of ids", json);
  for (const Json& item : json) {
    if (item.is_string()) {
      value.emplace_back(item.get<std::string>());
      continue;
    }
    if (!item.is_array()) fail_type(field, "a list of strings or of lists of ids", json);
    std::vector<TokenId> ids;
    for (const Json& id : item) read(field, id, ids.emplace_back());
    value.emplace_back(std::move(ids));
  }
}

void read(const char* field, const Json& json, std::map<TokenId, double>& value) {
  constexpr const char* kExpected = "an object from token ids to numbers";
  value.clear();
  if (!json.is_object()) fail_type(field, kExpected, json);
  for (const auto& [key, bias] : json.items()) {
    TokenId id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) fail_type(field, kExpected, json);
    read(field, bias, value[id]);
  }
}

// Throws if the JSON is of another type; the value then stays as it was.
template <class T>
void read(const char* field, const Json& json, std::optional<T>& value) {
  T found{};
  read(field, json, found);
  value = std::move(found);
}

struct Entry {
  RequestField field;
  void (*set)(const char* name, const Json& json, Request& request);
};

template <auto Member>
constexpr Entry entry(const char* name, FieldKind kind, const char* help, const char* values = "") {
  return {{name, kind, help, values}, [](const char* field, const Json& json, Request& request) {
            auto value = request.*Member;
            read(field, json, value);  // throws before the request changes
            request.*Member = std::move(value);
          }};
}

using enum FieldKind;
constexpr Entry kEntries[] = {
    entry<&Request::max_tokens>("max_tokens", kInteger,
                                "New tokens at most (default: the model's, else 256, or as many as "
                                "fit)"),
    entry<&Request::max_new_tokens>("max_new_tokens", kInteger,
                                    "The same as max_tokens, by Hugging Face's name"),
    entry<&Request::min_tokens>("min_tokens", kInteger,
                                "New tokens before which nothing ends the text (default: the "
                                "model's, else 0)"),
    entry<&Request::do_sample>("do_sample", kFlag,
                               "Hugging Face's switch: true samples, false is greedy"),
    entry<&Request::temperature>("temperature", kNumber, "Divides the logits; 0 is greedy"),
    entry<&Request::top_k>("top_k", kInteger, "Only the k best tokens; 0 is off"),
    entry<&Request::top_p>("top_p", kNumber,
                           "Only the best tokens with this probability together; 1 is off"),
    entry<&Request::min_p>("min_p", kNumber,
                           "Only tokens this fraction as probable as the best; 0 is off"),
    entry<&Request::typical_p>("typical_p", kNumber,
                               "Only the most typical tokens with this probability; 1 is off"),
    entry<&Request::repetition_penalty>("repetition_penalty", kNumber,
                                        "Above 1 discourages tokens seen so far; 1 is off"),
    entry<&Request::repetition_penalty_range>(
        "repetition_penalty_range", kInteger,
        "Last tokens that repetition_penalty looks at; 0 is all"),
    entry<&Request::frequency_penalty>("frequency_penalty", kNumber,
                                       "-2 to 2, per occurrence in the output; 0 is off"),
    entry<&Request::presence_penalty>("presence_penalty", kNumber,
                                      "-2 to 2, once if in the output; 0 is off"),
    entry<&Request::logit_bias>("logit_bias", kBias, "Adds BIAS (-100 to 100) to a token's logit"),
    entry<&Request::no_repeat_ngram_size>("no_repeat_ngram_size", kInteger,
                                          "No run of this many tokens comes twice; 0 is off"),
    entry<&Request::bad_words>("bad_words", kTexts,
                               "Text whose tokens must not come, at a text's begin or behind a "
                               "space"),
    entry<&Request::stop>("stop", kTexts, "Ends the text before this string (up to 64)"),
    entry<&Request::logprobs>("logprobs", kInteger,
                              "Report logprobs, and those of the N best (0 to 20)"),
    entry<&Request::echo>("echo", kFlag, "Begin the output with the prompt"),
    entry<&Request::n>("n", kInteger, "Samples to return (default 1)"),
    entry<&Request::num_return_sequences>("num_return_sequences", kInteger,
                                          "The same as n, by Hugging Face's name"),
    entry<&Request::num_beams>("num_beams", kInteger, "Above 1: a beam search of this width"),
    entry<&Request::length_penalty>("length_penalty", kNumber,
                                    "Of beams: above 0 favours long texts (default 1)"),
    entry<&Request::early_stopping>(
        "early_stopping", kFlagOrNever,
        "Of beams: end once num_beams texts have ended; \"never\": once "
        "none of any\nlength can become better"),
    entry<&Request::best_of>("best_of", kInteger, "Samples to choose the n best from (default n)"),
    entry<&Request::seed>("seed", kInteger, "0 to 2^63 - 1; the same seed gives the same text"),
    entry<&Request::ignore_eos>("ignore_eos", kFlag, "Go on past the end token"),
    entry<&Request::overflow>(
        "overflow", kText,
        "Where prompt and new tokens exceed the context: error (default), "
        "truncate, which drops the\noldest prompt tokens, or slide, which goes "
        "on with the newer half of a full context",
        "error truncate slide"),
    entry<&Request::prefix_lm>("prefix_lm", kFlag,
                               "All tokens of the prompt see each other, as GPT-JT was trained"),
};

const Entry& find_entry(std::string_view name) {
  for (const Entry& e : kEntries) {
    if (name == e.field.name) return e;
  }
  const std::string field(name);
  fail(ErrorCode::kInvalidArgument, concat(field, ": no request has this field"), field);
}

// Returns text as JSON. Typed bytes need not be UTF-8, but JSON text must be.
Json text_json(const std::string& text) { return to_valid_utf8(text); }

// Returns the number in `text`, which may be typed as ".5". Any other text is returned as it is;
// the field then has its own message for it.
template <class Number>
Json number_json(const std::string& text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  const bool is_number =
      error == std::errc() && stopped == end && std::isfinite(static_cast<double>(value));
  return is_number ? Json(value) : text_json(text);
}

Json flag_json(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  return text_json(text);
}

// Adds a bias like "50256=-100" to `object`.
void add_bias(const std::string& text, Json& object) {
  const size_t equals = text.find('=');
  const Json bias =
      equals == std::string::npos ? Json() : number_json<double>(text.substr(equals + 1));
  check_param(bias.is_number(), "logit_bias", "expected ID=BIAS, found \"", text, "\"");
  object[to_valid_utf8(text.substr(0, equals))] = bias;
}

// Returns what was typed for a field of this kind as the field's JSON value.
Json typed_json(FieldKind kind, std::span<const std::string> typed) {
  switch (kind) {
    case kInteger: return number_json<int64_t>(typed.back());
    case kNumber: return number_json<double>(typed.back());
    case kFlag:
    case kFlagOrNever: return flag_json(typed.back());
    case kText: return text_json(typed.back());
    case kTexts: break;
    case kBias: {
      Json object = Json::object();
      for (const std::string& text : typed) add_bias(text, object);
      return object;
    }
  }
  Json list = Json::array();
  for (const std::string& text : typed) list.push_back(text_json(text));
  return list;
}

}  // namespace

std::span<const RequestField> request_fields() {
  static const std::vector<RequestField> fields = [] {
    std::vector<RequestField> list;
    for (const Entry& e : kEntries) list.push_back(e.field);
    return list;
  }();
  return fields;
}

void set_request_field(Request& request, std::string_view name, std::string_view json_value) {
  const Entry& entry = find_entry(name);
  Json json = parse_json(json_value, name);
  const TakenApart apart(json);
  if (!json.is_null()) entry.set(entry.field.name, json, request);
}

void set_request_field(Request& request, std::string_view name,
                       std::span<const std::string> typed) {
  const Entry& entry = find_entry(name);
  if (!typed.empty()) entry.set(entry.field.name, typed_json(entry.field.kind, typed), request);
}

std::string request_field_json(std::string_view name, std::span<const std::string> typed) {
  const Entry& entry = find_entry(name);
  return typed.empty() ? "null" : dump_text(typed_json(entry.field.kind, typed));
}

}  // namespace gptj
