// SPDX-License-Identifier: Apache-2.0
// Checks of fields that decide which ids a text has. `where` names the object in messages. Only .cc
// files include this.
#pragma once

#include <initializer_list>
#include <string>

#include "base/json_fields.h"
#include "gptj/tokenizer.h"

namespace gptj {

// The highest id that is accepted. It is above any real vocabulary, and bounds the memory that a
// damaged file can ask for.
inline constexpr TokenId kMaxTokenId = (1 << 20) - 1;

// Returns the value if it is a token id. Throws kBadFile, naming `key`, if it is not.
TokenId expect_id(const Json& json, const std::string& where, const std::string& key);

// Throws kUnsupported for a member that is not in `known`.
void expect_only(const Json& object, std::initializer_list<const char*> known,
                 const std::string& where);

// Throws kUnsupported unless the member is absent, null or equal to `harmless`.
void expect_harmless(const Json& object, const char* key, const Json& harmless,
                     const std::string& where);

}  // namespace gptj
