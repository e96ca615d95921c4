// SPDX-License-Identifier: Apache-2.0
// The bundled model's held-out text, against what Hugging Face computed.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "generate/models.h"
#include "gptj/evaluate.h"

namespace gptj {
namespace {

TEST(PerplexityLong, OfTheHeldOutTextIsHuggingFaces) {
  const auto& expected = test::fairytale_reference().at("perplexity");
  std::ifstream file(test::golden_path(expected.at("file")), std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  ASSERT_EQ(text.size(), expected.at("n_bytes"));
  const auto ids = test::fairytale().tokenizer()->encode(text);
  ASSERT_EQ(ids.size(), expected.at("n_tokens"));
  const Perplexity found = perplexity(test::fairytale(), ids);
  EXPECT_EQ(found.tokens, expected.at("predicted_tokens"));
  // Four digits.
  const double right = expected.at("perplexity");
  EXPECT_NEAR(found.perplexity, right, 0.5e-4 * right);
  EXPECT_NEAR(found.mean_nll, expected.at("mean_nll"), 0.5e-4);
}

}  // namespace
}  // namespace gptj
