// SPDX-License-Identifier: Apache-2.0
// The first step of plain_text() (gptj/tokenizer.h), for text that arrives line by line.
#pragma once

#include <string>

namespace gptj {

// Removes a UTF-8 byte order mark from the beginning of a text. Throws kUnsupported if the text is
// UTF-16 or UTF-32; `name` begins the message.
void begin_utf8_text(std::string& bytes, const std::string& name);

}  // namespace gptj
