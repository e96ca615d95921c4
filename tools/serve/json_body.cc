// SPDX-License-Identifier: Apache-2.0
#include "json_body.h"

#include <nlohmann/json.hpp>

namespace gptj::serve {
namespace {

constexpr int kMostLevels = 64;
constexpr size_t kMostValues = 4'000'000;

[[noreturn]] void fail(const std::string& message, const std::string& param = {}) {
  throw Error(ErrorCode::kInvalidArgument, message, param);
}

// Throws unless the text's brackets are at most kMostLevels deep and its commas at most
// kMostValues, before any memory is spent on its values.
void check_size(std::string_view text) {
  int level = 0;
  size_t values = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++level > kMostLevels) {
        fail("the body: expected JSON of at most " + std::to_string(kMostLevels) +
             " levels, found more");
      }
    } else if (c == ']' || c == '}') {
      --level;
    } else if (c == ',' && ++values > kMostValues) {
      fail("the body: expected JSON of at most " + std::to_string(kMostValues) +
           " values, found more");
    }
  }
}

const Json* find(const Json& body, const char* field) {
  const auto found = body.find(field);
  return found == body.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json parse_body(std::string_view body) {
  if (body.empty()) fail("the body: expected a JSON object, found nothing");
  check_size(body);
  Json json;
  try {
    json = Json::parse(body);
  } catch (const nlohmann::json::exception& error) {
    fail(std::string("the body: expected JSON, found ") + error.what());
  }
  if (!json.is_object()) {
    fail(std::string("the body: expected a JSON object, found ") + json.type_name());
  }
  return json;
}

void fail_field(const std::string& field, const std::string& expected, const Json& found) {
  std::string text = dump(found);
  if (text.size() > 80) text = to_valid_utf8(text.substr(0, 77)) + "...";
  fail(field + ": expected " + expected + ", found " + text, field);
}

std::optional<bool> flag_of(const Json& body, const char* field) {
  const Json* value = find(body, field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail_field(field, "true or false", *value);
  return value->get<bool>();
}

std::optional<int64_t> integer_of(const Json& body, const char* field) {
  const Json* value = find(body, field);
  if (value == nullptr) return std::nullopt;
  // Some clients send 64.0 for 64.
  if (value->is_number_float()) {
    const double number = value->get<double>();
    const auto whole = static_cast<int64_t>(number > -9e15 && number < 9e15 ? number : 0);
    if (static_cast<double>(whole) == number) return whole;
  }
  const bool too_large = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  if (!value->is_number_integer() || too_large) fail_field(field, "an integer", *value);
  return value->get<int64_t>();
}

std::optional<double> number_of(const Json& body, const char* field) {
  const Json* value = find(body, field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) fail_field(field, "a number", *value);
  return value->get<double>();
}

std::optional<std::string> text_of(const Json& body, const char* field) {
  const Json* value = find(body, field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail_field(field, "text", *value);
  return value->get<std::string>();
}

std::vector<TokenId> ids_of(const Json& list, const std::string& field) {
  std::vector<TokenId> ids;
  ids.reserve(list.size());
  for (const Json& id : list) {
    const bool too_large = id.is_number_unsigned() && id.get<uint64_t>() > INT64_MAX;
    if (!id.is_number_integer() || too_large) fail_field(field, "token ids", id);
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

}  // namespace gptj::serve
