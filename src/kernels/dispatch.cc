// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
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

// Returns a bit of EAX of CPUID leaf 7, subleaf 1. The features of this leaf are unknown to
// __builtin_cpu_supports in the oldest compilers in use.
bool has_leaf_7_1(unsigned bit) {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> bit & 1) != 0;
}

bool has_avx2vnni() { return has_avx2() && has_leaf_7_1(4); }

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}

bool has_avx512bf16() { return has_avx512() && has_leaf_7_1(5); }

// Returns the state components in `mask` that the operating system saves with a thread.
uint64_t saved_by_the_system(uint64_t mask) {
  uint32_t low = 0, high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32 | low) & mask;
}

// Asks Linux for permission to use tiles, which a process must do once. Returns false if refused.
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool has_tiles() {
  constexpr unsigned kAmx = 1u << 22 | 1u << 24 | 1u << 25;  // bf16, tile, int8
  constexpr uint64_t kTileState = uint64_t{3} << 17;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return has_avx512() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 &&
         (edx & kAmx) == kAmx && saved_by_the_system(kTileState) == kTileState && may_use_tiles();
}

bool has_amx() {
  static const bool found = has_tiles();
  return found;
}
#endif

// What one file of kernels contributes.
struct KernelFile {
  const char* isa;
  bool (*supported)();
  const KernelTable* all = nullptr;                     // set if the file has every kernel
  const PerElement<ProductKernel>* products = nullptr;  // set if it only has better products
};

// The list of instruction sets, the least capable first.
constexpr KernelFile kKernelFiles[] = {
    {.isa = "portable", .supported = always, .all = &kPortableKernels},
#if defined(__x86_64__)
    {.isa = "avx2", .supported = has_avx2, .all = &kAvx2Kernels},
    {.isa = "avx2vnni", .supported = has_avx2vnni, .products = &kAvx2VnniProducts},
    {.isa = "avx512", .supported = has_avx512, .all = &kAvx512Kernels},
    {.isa = "avx512", .supported = has_avx512bf16, .products = &kAvx512Bf16Products},
    {.isa = "amx", .supported = has_amx, .products = &kAmxProducts},
#endif
};

std::vector<InstructionSet> assemble() {
  std::vector<InstructionSet> sets;
  for (const KernelFile& file : kKernelFiles) {
    KernelTable kernels = file.all != nullptr ? *file.all : sets.back().kernels;
    kernels.isa = file.isa;
    if (file.products != nullptr) use_products(*file.products, kernels);
    sets.push_back({kernels, file.supported});
  }
  return sets;
}

// Returns the names of all sets of which `test` is true, each name once.
template <class Test>
std::vector<std::string> set_names(const Test& test) {
  std::vector<std::string> names;
  for (const InstructionSet& set : instruction_sets()) {
    if (test(set) && (names.empty() || names.back() != set.kernels.isa)) {
      names.push_back(set.kernels.isa);
    }
  }
  return names;
}

}  // namespace

void use_products(const PerElement<ProductKernel>& better, KernelTable& kernels) {
  for (const WeightType type : kWeightTypes) {
    if (better[type].compute != nullptr) kernels.product[type] = better[type];
  }
}

std::span<const InstructionSet> instruction_sets() {
  static const std::vector<InstructionSet> sets = assemble();
  return sets;
}

std::vector<std::string> instruction_set_names() {
  return set_names([](const InstructionSet& set) { return set.supported(); });
}

std::vector<std::string> all_instruction_set_names() {
  return set_names([](const InstructionSet&) { return true; });
}

std::string matmul_isa(WeightType weights, const std::string& isa) {
  return select_kernels(isa).product[weights].isa;
}

const KernelTable& select_kernels(std::string_view isa) {
  const KernelTable* best = nullptr;
  bool known = isa.empty();
  for (const InstructionSet& set : instruction_sets()) {
    const bool wanted = isa.empty() || isa == set.kernels.isa;
    if (wanted && set.supported()) best = &set.kernels;
    known = known || wanted;
  }
  check_param(
      known, "isa", "expected ", [] { return choice(all_instruction_set_names()); }, ", found \"",
      isa, "\"");
  check(best != nullptr, ErrorCode::kUnsupported, "isa: this processor has no ", isa, "; expected ",
        [] { return choice(instruction_set_names()); });
  return *best;
}

}  // namespace gptj
