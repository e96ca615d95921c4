// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gptj/error.h"
#include "kernels/dispatch.h"

namespace gptj::test {

// Every kernel table that runs on this machine, the portable one first.
inline std::vector<const KernelTable*> supported_sets() {
  std::vector<const KernelTable*> sets;
  for (const InstructionSet& set : instruction_sets()) {
    if (set.supported()) sets.push_back(set.kernels);
  }
  return sets;
}

// The name of a test over element types.
inline std::string element_name(const testing::TestParamInfo<Element>& info) {
  constexpr const char* kNames[] = {"F32", "F16", "BF16"};
  return kNames[static_cast<size_t>(info.param)];
}

}  // namespace gptj::test
