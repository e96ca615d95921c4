// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gptj {

// Raised whenever some bit of some logit may differ from before: what was begun with other
// arithmetic is not gone on with.
inline constexpr int kArithmeticVersion = 1;

}  // namespace gptj
