// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kernels/kernels.h"

namespace gptj {

// One list feeds dispatch, tests and benchmarks: every instruction set compiled in, the least
// capable first. Two may have one name: the later one is what more recent processors of that kind
// do.
struct InstructionSet {
  KernelTable kernels;  // complete: what the set does not do better is the next one's down
  bool (*supported)();  // by this processor and operating system
};
std::span<const InstructionSet> instruction_sets();

// The names of those that run here, separated by ", ".
std::string supported_isas();

// The best table of that name that runs here, or the best of all where it is empty. Throws
// kInvalidArgument for a name nobody knows, kUnsupported for one that this processor lacks; both
// list what there is.
const KernelTable& select_kernels(std::string_view isa);

}  // namespace gptj
