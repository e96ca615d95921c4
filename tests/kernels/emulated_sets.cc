// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/emulated.h"
#include "kernels/sets.h"

namespace gptj::test {

#ifdef GPTJ_EMULATED_SETS
namespace {

KernelTable with_products(const char* isa, KernelTable kernels,
                          const PerElement<ProductKernel>& products) {
  kernels.isa = isa;
  use_products(products, kernels);
  return kernels;
}

bool has_avx2() {
  const std::vector<std::string> names = instruction_set_names();
  return std::find(names.begin(), names.end(), "avx2") != names.end();
}

}  // namespace

std::vector<const KernelTable*> emulated_sets() {
  if (!has_avx2()) return {};
  static const KernelTable vnni =
      with_products("emulated avx2vnni", kAvx2Kernels, kAvx2VnniEmulated);
  static const KernelTable bf16 =
      with_products("avx512bf16 by SIMDe", kAvx512Simde, kAvx512Bf16Simde);
  static const KernelTable amx = with_products("emulated amx", kAvx512Simde, kAmxEmulated);
  return {&vnni, &kAvx512Simde, &bf16, &amx};
}
#else
std::vector<const KernelTable*> emulated_sets() { return {}; }
#endif

}  // namespace gptj::test
