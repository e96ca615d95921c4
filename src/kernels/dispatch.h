// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kernels/kernels.h"

namespace gptj {

// An instruction set that is compiled in. Two sets may have the same name; the later set then uses
// instructions that only more recent processors of that kind have.
struct InstructionSet {
  KernelTable kernels;  // complete: kernels that the set lacks are those of the set below
  bool (*supported)();  // returns true if this processor and operating system can run the set
};
// Returns all instruction sets, the least capable first. Dispatch, tests and benchmarks use this
// one list.
std::span<const InstructionSet> instruction_sets();

// Returns the names of the instruction sets that run here, separated by ", ".
std::string supported_isas();

// Returns the best table named `isa` that runs here, or the best table of all if `isa` is empty.
// Throws kInvalidArgument if no set has this name, kUnsupported if this processor cannot run a set
// of this name. Both messages list the sets that run here.
const KernelTable& select_kernels(std::string_view isa);

}  // namespace gptj
