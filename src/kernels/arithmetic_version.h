// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gptj {

// The version of the arithmetic. Every change that may change a bit of a logit raises the version.
// Sessions and jobs that another version began are refused.
inline constexpr int kArithmeticVersion = 1;

}  // namespace gptj
