// SPDX-License-Identifier: Apache-2.0
#include "gptj/gptj.h"

#define GPTJ_TEXT_OF(x) #x
#define GPTJ_TEXT(x) GPTJ_TEXT_OF(x)

namespace gptj {

const char* version() {
  return GPTJ_TEXT(GPTJ_VERSION_MAJOR) "." GPTJ_TEXT(GPTJ_VERSION_MINOR) "." GPTJ_TEXT(
      GPTJ_VERSION_PATCH);
}

}  // namespace gptj
