// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gptj/error.h"
#include "gptj/gptj.h"
#include "kernels/dispatch.h"

namespace gptj::test {

// Every kernel table that runs on this machine, the portable one first.
inline std::vector<const KernelTable*> supported_sets() {
  std::vector<const KernelTable*> sets;
  for (const InstructionSet& set : instruction_sets()) {
    if (set.supported()) sets.push_back(&set.kernels);
  }
  return sets;
}

// Those compiled for tests alone that run on this machine: none where SIMDe was not there.
std::vector<const KernelTable*> emulated_sets();

inline std::vector<const KernelTable*> tested_sets() {
  std::vector<const KernelTable*> sets = supported_sets();
  for (const KernelTable* set : emulated_sets()) sets.push_back(set);
  return sets;
}

}  // namespace gptj::test
