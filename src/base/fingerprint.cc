// SPDX-License-Identifier: Apache-2.0
#include "base/fingerprint.h"

#include <cstdio>

namespace gptj {

std::string hexadecimal(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace gptj
