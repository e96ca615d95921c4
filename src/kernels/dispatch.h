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

// Replaces the products of a table by those of `better` that are present.
void use_products(const PerElement<ProductKernel>& better, KernelTable& kernels);

// Returns the best table named `isa` that runs here, or the best table of all if `isa` is empty.
// Throws kInvalidArgument, listing all names, if no set has this name; kUnsupported, listing the
// sets that run here, if this processor cannot run a set of this name.
const KernelTable& select_kernels(std::string_view isa);

}  // namespace gptj
