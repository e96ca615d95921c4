// SPDX-License-Identifier: Apache-2.0
#include "weights/row_reading.h"

#include <gtest/gtest.h>

#include "base/number_file.h"
#include "engine/model_state.h"
#include "engine/ops.h"
#include "kernels/dispatch.h"
#include "model/synthetic.h"
#include "support/golden.h"
#include "weights/page_kind.h"

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

// One row times the first layer's q, k and v, which are read so.
std::vector<float> product_by(const RowReading& reading, const Model::State& state) {
  Engine engine(state.kernels, state.pool, 128, reading);
  Matrix x(2048), out(3 * 2048);
  x.reserve(1);
  out.reserve(1);
  for (size_t i = 0; i < x.columns(); ++i) x.row(0)[i] = static_cast<float>(i % 19) - 9;
  linear(engine, {{state.weights.layers[0].qkv, x, out}}, 1);
  return {out.row(0), out.row(0) + out.columns()};
}

// KiB of memory that this process has now.
uint64_t resident_kib() { return read_number("/proc/self/status", "VmRSS:"); }

TEST(RowReadingTrial, FindsOneOfThoseThatKernelsKnow) {
  const Model large = synthetic_model(kLarge, {.weights = WeightType::kF32, .threads = 2}, 1);
  const Model::State& state = large.state();
  ASSERT_GE(large.weight_bytes(), uint64_t{256} << 20);
  const RowReading found = fastest_reading(state.weights, state.kernels, state.pool);
  EXPECT_TRUE(1 <= found.streams && found.streams <= 4) << found.streams;
  EXPECT_TRUE(found.ahead == 0 || found.ahead == RowReading{}.ahead) << found.ahead;
  EXPECT_EQ(product_by(found, state), product_by({}, state));
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

TEST(PageKindTrial, GivesItsMemoryBack) {
  ThreadPool pool(2);
  fastest_pages(select_kernels(""), pool);
  const uint64_t before = resident_kib();
  for (int i = 0; i < 3; ++i) fastest_pages(select_kernels(""), pool);
  EXPECT_LT(resident_kib(), before + (8 << 10));
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
