// SPDX-License-Identifier: Apache-2.0
#pragma once

// Marks a declaration that the library exports. All other symbols of the library are hidden.
#define GPTJ_API __attribute__((visibility("default")))
