// SPDX-License-Identifier: Apache-2.0
#include "model/row_reading.h"

#include <gtest/gtest.h>

#include "kernels/dispatch.h"
#include "model/model_state.h"
#include "model/page_kind.h"
#include "model/synthetic.h"
#include "support/golden.h"

namespace gptj {
namespace {

// Just above what is measured, two layers of 2048.
const ModelConfig kLarge = {.vocab_size = 64,
                            .n_positions = 64,
                            .n_embd = 2048,
                            .n_layer = 2,
                            .n_head = 16,
                            .rotary_dim = 64,
                            .n_inner = 8192};

TEST(RowReadingTrial, FindsOneOfThoseThatKernelsKnow) {
  const Model large = synthetic_model(kLarge, {.weights = WeightType::kF32, .threads = 2}, 1);
  const Model::State& state = large.state();
  ASSERT_GE(large.weight_bytes(), uint64_t{256} << 20);
  const RowReading found = fastest_reading(state.weights, state.kernels, state.pool);
  EXPECT_TRUE(1 <= found.streams && found.streams <= 4) << found.streams;
  EXPECT_TRUE(found.ahead == 0 || found.ahead == RowReading{}.ahead) << found.ahead;
  const Model small = Model::load(test::golden_path("deep-bf16"));
  const Model::State& s = small.state();
  EXPECT_EQ(fastest_reading(s.weights, s.kernels, s.pool), RowReading{});
}

TEST(RowReadingTrial, LeavesTheDefaultForWhatIsClearlyFaster) {
  const RowReading standard, three{3, 0}, one{1, 0};
  EXPECT_EQ(choose_reading(std::vector<TimedReading>{{one, 0.7}, {three, 0.6}, {standard, 1}}),
            three);
  EXPECT_EQ(choose_reading(std::vector<TimedReading>{{one, 0.97}, {three, 2}, {standard, 1}}),
            standard);
  EXPECT_EQ(choose_reading(std::vector<TimedReading>{{one, 2}, {three, 2}, {standard, 1}}),
            standard);
}

TEST(PageKindTrial, FindsOne) {
  ThreadPool pool(2);
  const Pages found = fastest_pages(select_kernels(""), pool);
  EXPECT_TRUE(found == Pages::kHuge || found == Pages::kSmall);
}

TEST(PageKindTrial, TakesSmallOnesWhereTheyAreClearlyFaster) {
  EXPECT_EQ(faster_pages(1, 0.8), Pages::kSmall);
  EXPECT_EQ(faster_pages(1, 0.97), Pages::kHuge);
  EXPECT_EQ(faster_pages(1, 1.3), Pages::kHuge);
}

// Smoothing looks at the source's tensors twice, which a synthetic one makes when asked.
TEST(SyntheticModel, OfInt8IsTheSameForAnyThreads) {
  const auto logits = [](size_t threads) {
    const Model model = synthetic_model({.vocab_size = 64,
                                         .n_positions = 64,
                                         .n_embd = 256,
                                         .n_layer = 2,
                                         .n_head = 4,
                                         .rotary_dim = 16,
                                         .n_inner = 300},
                                        {.weights = WeightType::kInt8, .threads = threads}, 3);
    Session session(model);
    const std::vector<TokenId> ids = {1, 2, 3};
    return test::forward(session, test::rows_of(ids, session.add_sequence(), 0));
  };
  EXPECT_EQ(logits(1), logits(3));
}

}  // namespace
}  // namespace gptj
