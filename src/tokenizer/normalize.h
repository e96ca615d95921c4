// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace gptj {

// Returns the text in Unicode's normalization form C, in which characters are composed ("e" and a
// combining accent become "é"). Bytes that are not UTF-8 stay as they are, and characters do not
// compose across them.
std::string to_nfc(std::string_view bytes);

}  // namespace gptj
