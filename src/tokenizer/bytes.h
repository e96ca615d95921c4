// SPDX-License-Identifier: Apache-2.0
// GPT-2's byte alphabet. Its files spell tokens, which are bytes, as printable text: printable
// bytes of Latin-1 as themselves, the 68 others as U+0100, U+0101, ... (a space is U+0120, "Ġ").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gptj {

// The bytes that `name` (UTF-8) spells; none if a character is not in the alphabet.
std::optional<std::string> bytes_of_name(std::string_view name);

// How files spell `bytes`.
std::string name_of_bytes(std::string_view bytes);

}  // namespace gptj
