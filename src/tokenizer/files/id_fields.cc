// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/files/id_fields.h"

#include "tokenizer/utf8.h"

namespace gptj {

TokenId expect_id(const Json& json, const std::string& where, const std::string& key) {
  // Read as unsigned, a negative number is a huge one.
  const bool ok = json.is_number_integer() && json.get<uint64_t>() <= uint64_t{kMaxTokenId};
  if (!ok) {
    fail(ErrorCode::kBadFile, concat(where, ": ", quote(key), ": expected a token id from 0 to ",
                                     kMaxTokenId, ", found ", quote(dump_text(json))));
  }
  return json.get<TokenId>();
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
