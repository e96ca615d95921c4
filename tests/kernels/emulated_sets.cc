// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/emulated.h"
#include "kernels/sets.h"

namespace gptj::test {

#ifdef GPTJ_EMULATED_SETS
namespace {

KernelTable emulated_amx() {
  KernelTable kernels = kAvx512Simde;
  kernels.isa = "emulated amx";
  for (size_t e = 0; e < kElements; ++e) {
    if (kAmxEmulated[e].compute != nullptr) kernels.product[e] = kAmxEmulated[e];
  }
  return kernels;
}

bool has_avx2() {
  const std::vector<std::string> names = instruction_set_names();
  return std::find(names.begin(), names.end(), "avx2") != names.end();
}

}  // namespace

std::vector<const KernelTable*> emulated_sets() {
  static const KernelTable amx = emulated_amx();
  if (!has_avx2()) return {};
  return {&kAvx512Simde, &amx};
}
#else
std::vector<const KernelTable*> emulated_sets() { return {}; }
#endif

}  // namespace gptj::test
