// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kernels/kernels.h"

namespace gptj {

// One list feeds dispatch, tests and benchmarks: every table compiled in, the least capable first.
struct InstructionSet {
  const KernelTable* kernels;
  bool (*supported)();  // by this processor and operating system
};
std::span<const InstructionSet> instruction_sets();

// The names of those that run here, separated by ", ".
std::string supported_isas();

// The table named `isa`, or the best that runs here where it is empty. Throws kInvalidArgument for
// a name nobody knows, kUnsupported for one that this processor lacks; both list what there is.
const KernelTable& select_kernels(std::string_view isa);

}  // namespace gptj
