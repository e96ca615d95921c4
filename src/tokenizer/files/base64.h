// SPDX-License-Identifier: Apache-2.0
// Base64: bytes as text that JSON can hold (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace gptj {

std::string to_base64(std::string_view bytes);

// Returns the bytes that `text` encodes. Throws kBadFile for text that to_base64() does not write,
// such as "QR==", whose last digit has bits that belong to no byte. `where` begins the message.
std::string from_base64(std::string_view text, const std::string& where);

}  // namespace gptj
