// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/check.h"
#include "gptj/gptj.h"

namespace gptj {
namespace {

bool always() { return true; }

#if defined(__x86_64__)
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}
#endif

constexpr InstructionSet kInstructionSets[] = {
    {&kPortableKernels, always},
#if defined(__x86_64__)
    {&kAvx2Kernels, has_avx2},
    {&kAvx512Kernels, has_avx512},
#endif
};

}  // namespace

std::span<const InstructionSet> instruction_sets() { return kInstructionSets; }

std::vector<std::string> instruction_set_names() {
  std::vector<std::string> names;
  for (const InstructionSet& set : instruction_sets()) {
    if (set.supported()) names.push_back(set.kernels->isa);
  }
  return names;
}

std::string supported_isas() {
  std::string list;
  for (const std::string& name : instruction_set_names()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

const KernelTable& select_kernels(std::string_view isa) {
  const KernelTable* best = nullptr;
  for (const InstructionSet& set : instruction_sets()) {
    if (isa == set.kernels->isa) {
      check(set.supported(), ErrorCode::kUnsupported, "isa: this processor has no ", isa,
            "; found here: ", supported_isas());
      return *set.kernels;
    }
    if (set.supported()) best = set.kernels;
  }
  check_param(isa.empty(), "isa", "expected one of ", supported_isas(), ", found \"", isa, "\"");
  return *best;
}

}  // namespace gptj
