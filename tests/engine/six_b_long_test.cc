// SPDX-License-Identifier: Apache-2.0
// Promise 2 and 3 on two random layers of the 6B's shape, up to 512 rows. The portable kernels here
// are built with an fma unit (tests/CMakeLists.txt), as without one they would take an hour.
#include <algorithm>

#include "kernels/sets.h"
#include "engine/six_b.h"

namespace gptj {
namespace {

using test::expect_same_bits;
using test::six_b_logits;
using test::SixB;

class SixBShapeLong : public testing::TestWithParam<WeightType> {};

TEST_P(SixBShapeLong, SameBitsUpTo512Rows) {
  const SixB model(GetParam());
  for (const size_t rows : {1, 2, 15, 16, 17, 70, 512}) {
    const std::vector<float> by_best = six_b_logits(model, select_kernels(""), 2, rows, 0);
    for (const InstructionSet& set : instruction_sets()) {
      if (!set.supported()) continue;
      const std::vector<float> expected =
          test::same_arithmetic(GetParam(), set.kernels, select_kernels(""))
              ? by_best
              : six_b_logits(model, set.kernels, 2, rows, 0);
      for (const auto& [threads, chunk] :
           {std::pair<size_t, size_t>{2, 1}, {2, 7}, {2, 64}, {1, 0}, {2, 0}, {3, 0}, {4, 0}}) {
        if (chunk == 1 && rows > 70) continue;  // 70 single rows show what 512 would
        expect_same_bits(six_b_logits(model, set.kernels, threads, rows, chunk), expected,
                         std::string(set.kernels.isa) + " rows " + std::to_string(rows) +
                             " threads " + std::to_string(threads) + " chunk " +
                             std::to_string(chunk));
      }
    }
  }
}

// Those made for tests are slow: few rows, and each set only where the product is its own.
TEST_P(SixBShapeLong, SameBitsOnEmulatedSets) {
  const SixB model(GetParam());
  for (const size_t rows : {2, 33}) {
    const std::vector<float> by_best = six_b_logits(model, select_kernels(""), 2, rows, 0);
    for (const KernelTable* set : test::emulated_sets()) {
      if (std::string(set->product[GetParam()].isa) != set->isa) continue;
      const std::vector<float> expected =
          test::same_arithmetic(GetParam(), *set, select_kernels(""))
              ? by_best
              : six_b_logits(model, *set, 2, rows, 7);
      expect_same_bits(six_b_logits(model, *set, 2, rows, 0), expected, set->isa);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Weights, SixBShapeLong, testing::ValuesIn(kWeightTypes), test::type_name);

}  // namespace
}  // namespace gptj
