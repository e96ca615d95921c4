// SPDX-License-Identifier: Apache-2.0
// Probabilities as transformers 4.27.1 computes them.
#include <gtest/gtest.h>

#include "sampling/sampler_cases.h"

namespace gptj {
namespace {

TEST(Golden, Sampler) {
  const Json file = parse_json_file(GPTJ_SOURCE_DIR "/tests/golden/sampler.json", 1 << 30);
  ASSERT_EQ(file["cases"].size(), 127u);
  for (const Json& json : file["cases"]) EXPECT_EQ(difference(read_sampler_case(json)), "");
}

TEST(Golden, ADifferenceIsFound) {
  SamplerCase one{"name", {}, {}, 0, {0, 0}, {0.5, 0.5}};
  EXPECT_EQ(difference(one), "");
  one.probabilities[1] = 0.5 + 1.1e-5;
  EXPECT_EQ(difference(one), "name: id 1: expected 0.500011, found 0.5");
  one.probabilities[1] = std::nan("");
  EXPECT_NE(difference(one), "");
}

}  // namespace
}  // namespace gptj
