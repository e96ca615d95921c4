// SPDX-License-Identifier: Apache-2.0
#pragma once

// Marks what the library exports; everything else in it is hidden.
#define GPTJ_API __attribute__((visibility("default")))
