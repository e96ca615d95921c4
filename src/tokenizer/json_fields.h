// SPDX-License-Identifier: Apache-2.0
// Checks fields of a tokenizer's JSON files, with messages that name them. `where` names the object
// in messages.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "gptj/tokenizer.h"

namespace gptj {

// The highest id that is accepted. It is above any real vocabulary, and bounds the memory that a
// damaged file can ask for.
inline constexpr TokenId kMaxTokenId = (1 << 20) - 1;

// Return the value if it has the type. Throw kBadFile if it has not.
const Json& expect_object(const Json& json, const std::string& where);
const Json& expect_array(const Json& json, const std::string& where);
std::string expect_string(const Json& json, const std::string& where);
TokenId expect_id(const Json& json, const std::string& where, const std::string& key);

// Returns the member; null if it is absent.
const Json& member(const Json& object, const char* key);

// Returns the member as a bool; false if it is absent or null.
bool flag(const Json& object, const char* key, const std::string& where);

// Returns the member as a bool; empty if it is absent or null.
std::optional<bool> optional_flag(const Json& object, const char* key, const std::string& where);

// Returns the names of members that are not in `known`, in the order of the file's keys.
std::vector<std::string> unknown_members(const Json& object,
                                         std::initializer_list<const char*> known);

// Throws kUnsupported for a member that is not in `known`.
void expect_only(const Json& object, std::initializer_list<const char*> known,
                 const std::string& where);

// Throws kUnsupported unless the member is absent, null or equal to `harmless`.
void expect_harmless(const Json& object, const char* key, const Json& harmless,
                     const std::string& where);

}  // namespace gptj
