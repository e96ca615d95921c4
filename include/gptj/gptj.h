// SPDX-License-Identifier: Apache-2.0
// All of the library.
#pragma once

#include "gptj/error.h"
#include "gptj/export.h"

#define GPTJ_VERSION_MAJOR 0
#define GPTJ_VERSION_MINOR 1
#define GPTJ_VERSION_PATCH 0

namespace gptj {

// "0.1.0": of the library that runs, which may differ from the macros above.
GPTJ_API const char* version();

}  // namespace gptj
