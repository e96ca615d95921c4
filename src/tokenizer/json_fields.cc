// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/json_fields.h"

#include <algorithm>

#include "tokenizer/utf8.h"

namespace gptj {
namespace {

// Throws kBadFile unless `ok`.
void expect_type(bool ok, const char* expected, const Json& json, const std::string& where) {
  check(ok, ErrorCode::kBadFile, where, ": expected ", expected, ", found ", json.type_name());
}

}  // namespace

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

TokenId expect_id(const Json& json, const std::string& where, const std::string& key) {
  // Read as unsigned, a negative number is a huge one.
  const bool ok = json.is_number_integer() && json.get<uint64_t>() <= uint64_t{kMaxTokenId};
  if (!ok) {
    fail(ErrorCode::kBadFile, concat(where, ": ", quote(key), ": expected a token id from 0 to ",
                                     kMaxTokenId, ", found ", quote(dump_text(json))));
  }
  return json.get<TokenId>();
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

void expect_only(const Json& object, std::initializer_list<const char*> known,
                 const std::string& where) {
  const auto unknown = unknown_members(object, known);
  if (unknown.empty()) return;
  fail(ErrorCode::kUnsupported, concat(where, ": ", quote(unknown[0]),
                                       ": this engine does not know the field, which may ask for "
                                       "other token ids"));
}

void expect_harmless(const Json& object, const char* key, const Json& harmless,
                     const std::string& where) {
  const Json& value = member(object, key);
  check(value.is_null() || value == harmless, ErrorCode::kUnsupported, where, ": ", key,
        ": expected ", dump_text(harmless), ", found ", quote(dump_text(value)),
        "; this engine would give other token ids");
}

}  // namespace gptj
