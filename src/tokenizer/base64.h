// SPDX-License-Identifier: Apache-2.0
// Bytes as text that JSON can hold (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace gptj {

std::string to_base64(std::string_view bytes);

// `where` begins the message. Throws kBadFile for text that to_base64() does not write, such as
// "QR==", whose last digit has bits that belong to no byte.
std::string from_base64(std::string_view text, const std::string& where);

}  // namespace gptj
