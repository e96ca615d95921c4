// SPDX-License-Identifier: Apache-2.0
// GPT-2's byte alphabet. Tokens are bytes, and the files spell them as printable text: printable
// bytes of Latin-1 are spelled as themselves, the 68 others as U+0100, U+0101, ... (a space is
// U+0120, "Ġ").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gptj {

// Returns the bytes that `name` (UTF-8) spells; empty if a character is not in the alphabet.
std::optional<std::string> bytes_of_name(std::string_view name);

// Returns the name that spells `bytes`.
std::string name_of_bytes(std::string_view bytes);

}  // namespace gptj
