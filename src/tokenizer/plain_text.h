// SPDX-License-Identifier: Apache-2.0
// The steps of plain_text() (gptj/tokenizer.h), for text that arrives line by line.
#pragma once

#include <string>
#include <string_view>

namespace gptj {

inline constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

// Returns whether the bytes begin with a UTF-8 byte order mark.
bool has_utf8_mark(std::string_view bytes);

// Throws kUnsupported if `bytes` begin a text in UTF-16 or UTF-32; `name` begins the message.
void check_is_utf8_text(std::string_view bytes, const std::string& name);

}  // namespace gptj
