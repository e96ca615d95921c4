// SPDX-License-Identifier: Apache-2.0
#include "base/json_fields.h"

#include <algorithm>

namespace gptj {
namespace {

// Returns whether the value is a whole number from min, which is not negative, to max.
bool is_integer_within(const Json& value, int64_t min, int64_t max) {
  return value.is_number_unsigned() && value.get<uint64_t>() >= static_cast<uint64_t>(min) &&
         value.get<uint64_t>() <= static_cast<uint64_t>(max);
}

bool is_token_id(const Json& value) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= INT32_MAX;
  return value.get<int64_t>() >= INT32_MIN;
}

bool is_id_list(const Json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), is_token_id);
}

// Throws kBadFile unless `ok`.
void expect_type(bool ok, const char* expected, const Json& json, const std::string& where) {
  check(ok, ErrorCode::kBadFile, where, ": expected ", expected, ", found ", json.type_name());
}

}  // namespace

const Json* FieldReader::find(const char* field) const {
  const auto found = object_.find(field);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string FieldReader::found(const char* field) const {
  return object_.contains(field) ? json_excerpt(object_.at(field)) : "nothing";
}

void FieldReader::expect(bool ok, const char* field, const std::string& expected) const {
  if (!ok) {
    fail(ErrorCode::kBadFile,
         concat(file_, ": ", field, ": expected ", expected, ", found ", found(field)));
  }
}

std::optional<bool> FieldReader::boolean(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  expect(value->is_boolean(), field, "true or false");
  return value->get<bool>();
}

std::optional<std::string> FieldReader::string(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  expect(value->is_string(), field, "a string");
  return value->get<std::string>();
}

std::optional<double> FieldReader::number(const char* field, const NumberRule& rule) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  expect(value->is_number() && rule.holds(value->get<double>()), field, rule.text);
  return value->get<double>();
}

std::optional<int64_t> FieldReader::integer(const char* field, int64_t min, int64_t max) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  if (!is_integer_within(*value, min, max)) {
    expect(false, field, concat("a whole number from ", min, " to ", max));
  }
  return value->get<int64_t>();
}

std::vector<int64_t> FieldReader::token_ids(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  if (is_token_id(*value)) return {value->get<int64_t>()};
  expect(is_id_list(*value), field, "a token id or a list of them");
  return value->get<std::vector<int64_t>>();
}

std::vector<std::vector<int64_t>> FieldReader::id_lists(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  expect(value->is_array() && std::all_of(value->begin(), value->end(), is_id_list), field,
         "a list of lists of token ids");
  return value->get<std::vector<std::vector<int64_t>>>();
}

std::vector<std::string> FieldReader::strings(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  const auto is_string = [](const Json& item) { return item.is_string(); };
  expect(value->is_array() && std::all_of(value->begin(), value->end(), is_string), field,
         "a list of strings");
  return value->get<std::vector<std::string>>();
}

std::optional<FieldReader> FieldReader::object(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  expect(value->is_object(), field, "an object");
  return FieldReader(Parsed(), *value, concat(file_, ": ", field));
}

const Json& expect_object(const Json& json, const std::string& where) {
  expect_type(json.is_object(), "an object", json, where);
  return json;
}

const Json& expect_array(const Json& json, const std::string& where) {
  expect_type(json.is_array(), "an array", json, where);
  return json;
}

std::string expect_string(const Json& json, const std::string& where) {
  expect_type(json.is_string(), "a string", json, where);
  return json.get<std::string>();
}

const Json& member(const Json& object, const char* key) {
  static const Json null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

bool flag(const Json& object, const char* key, const std::string& where) {
  return optional_flag(object, key, where).value_or(false);
}

std::optional<bool> optional_flag(const Json& object, const char* key, const std::string& where) {
  const Json& value = member(object, key);
  if (value.is_null()) return {};
  check(value.is_boolean(), ErrorCode::kBadFile, where, ": ", key,
        ": expected true or false, found ", value.type_name());
  return value.get<bool>();
}

std::vector<std::string> unknown_members(const Json& object,
                                         std::initializer_list<const char*> known) {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) unknown.push_back(key);
  }
  return unknown;
}

}  // namespace gptj
