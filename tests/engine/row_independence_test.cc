// SPDX-License-Identifier: Apache-2.0
// Promises 2 and 3: the logits of a token depend on its own prefix and the weights, bit for bit.
// Not on chunks, neighbours, threads, shared pages or the instruction set.
#include <gtest/gtest.h>

#include <bit>
#include <optional>

#include "base/random.h"
#include "gptj/gptj.h"
#include "support/golden.h"

namespace gptj {
namespace {

using test::forward;
using test::golden_cases;
using test::rows_of;

using Logits = std::vector<std::vector<float>>;

std::vector<TokenId> random_ids(size_t n, uint64_t seed, int64_t vocab_size) {
  std::vector<TokenId> ids;
  for (size_t i = 0; i < n; ++i) {
    ids.push_back(
        static_cast<TokenId>(random_uniform(seed, 1, i) * static_cast<double>(vocab_size)));
  }
  return ids;
}

void expect_same_bits(const Logits& found, const Logits& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (size_t r = 0; r < found.size(); ++r) {
    ASSERT_EQ(found[r].size(), expected[r].size()) << what;
    for (size_t i = 0; i < found[r].size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(found[r][i]), std::bit_cast<uint32_t>(expected[r][i]))
          << what << ": row " << r << " logit " << i;
    }
  }
}

// The prompt in calls of `chunk` rows; 0: in one.
Logits chunked(const Model& model, const std::vector<TokenId>& prompt, size_t chunk) {
  Session session(model);
  const SequenceId sequence = session.add_sequence();
  const std::vector<Row> rows = rows_of(prompt, sequence, 0);
  if (chunk == 0) return forward(session, rows);
  Logits all;
  for (size_t begin = 0; begin < rows.size(); begin += chunk) {
    const size_t n = std::min(chunk, rows.size() - begin);
    for (auto& logits : forward(session, std::span(rows).subspan(begin, n))) {
      all.push_back(std::move(logits));
    }
  }
  return all;
}

struct Setup {
  const char* folder;
  std::optional<WeightType> weights;
  std::optional<WeightType> kv_cache = {};
};

class RowIndependence : public testing::TestWithParam<Setup> {
 protected:
  Model load(size_t threads = 1, const std::string& isa = "") const {
    return Model::load(test::golden_path(GetParam().folder), {.weights = GetParam().weights,
                                                              .kv_cache = GetParam().kv_cache,
                                                              .threads = threads,
                                                              .isa = isa});
  }
};

TEST_P(RowIndependence, ChunksMakeNoDifference) {
  const Model model = load();
  const std::vector<TokenId> prompt = random_ids(100, 5, model.config().vocab_size);
  const Logits expected = chunked(model, prompt, 0);
  for (const size_t chunk : {1, 2, 3, 7, 16}) {
    expect_same_bits(chunked(model, prompt, chunk), expected, "chunk " + std::to_string(chunk));
  }
}

TEST_P(RowIndependence, ThreadsAndInstructionSetsMakeNoDifference) {
  const std::vector<TokenId> prompt = random_ids(75, 6, 131);
  const Model portable = load(1, "portable");
  for (const std::string& isa : instruction_set_names()) {
    // Products of bf16 round as each instruction set does.
    const bool own_bits = portable.weight_type() == WeightType::kBF16;
    const Logits expected = chunked(own_bits ? load(1, isa) : portable, prompt, 0);
    for (const size_t threads : {1, 2, 3, 4}) {
      const Model model = load(threads, isa);
      EXPECT_EQ(model.isa(), isa);
      expect_same_bits(chunked(model, prompt, 0), expected, isa + " prefill");
      expect_same_bits(chunked(model, prompt, 1), expected, isa + " decode");
    }
  }
}

// 1 to 9 sequences of different lengths, fed at different paces in one batch.
TEST_P(RowIndependence, NeighboursMakeNoDifference) {
  const Model model = load(2);
  for (size_t n = 1; n <= 9; ++n) {
    Session session(model);
    std::vector<std::vector<Row>> todo;
    std::vector<Logits> expected, found(n);
    for (size_t s = 0; s < n; ++s) {
      const std::vector<TokenId> ids = random_ids(5 + 13 * s, s, model.config().vocab_size);
      todo.push_back(rows_of(ids, session.add_sequence(), 0));
      expected.push_back(chunked(model, ids, 0));
    }
    for (size_t step = 0; std::any_of(todo.begin(), todo.end(), [](auto& t) { return !t.empty(); });
         ++step) {
      std::vector<Row> batch;
      std::vector<size_t> owner;
      for (size_t s = 0; s < n; ++s) {
        const size_t take = std::min(todo[s].size(), 1 + (step + s) % 5);
        batch.insert(batch.end(), todo[s].begin(), todo[s].begin() + static_cast<long>(take));
        owner.insert(owner.end(), take, s);
        todo[s].erase(todo[s].begin(), todo[s].begin() + static_cast<long>(take));
      }
      session.forward(batch, [&](size_t row, std::span<const float> logits) {
        found[owner[row]].emplace_back(logits.begin(), logits.end());
      });
    }
    for (size_t s = 0; s < n; ++s) {
      expect_same_bits(found[s], expected[s], "sequence " + std::to_string(s));
    }
  }
}

TEST_P(RowIndependence, ForkedAndTruncatedSequencesAreAsFresh) {
  const Model model = load();
  const std::vector<TokenId> ids = random_ids(120, 8, model.config().vocab_size);
  for (const size_t shared : {1, 63, 64, 65, 100}) {
    std::vector<TokenId> other(ids.begin(), ids.begin() + static_cast<long>(shared));
    for (const TokenId id : random_ids(20, 9, model.config().vocab_size)) other.push_back(id);
    const Logits expected_other = chunked(model, other, 0), expected = chunked(model, ids, 0);

    Session session(model);
    const SequenceId first = session.add_sequence();
    const std::vector<Row> rows = rows_of(ids, first, 0);
    forward(session, std::span(rows).subspan(0, 110));
    const SequenceId second = session.fork(first, static_cast<int64_t>(shared));
    const std::vector<Row> rest =
        rows_of(std::span(other).subspan(shared), second, static_cast<int64_t>(shared));
    expect_same_bits(forward(session, rest),
                     {expected_other.begin() + static_cast<long>(shared), expected_other.end()},
                     "fork");
    // The first goes on untouched by what the fork wrote.
    expect_same_bits(forward(session, std::span(rows).subspan(110)),
                     {expected.begin() + 110, expected.end()}, "forked from");
    session.truncate(first, static_cast<int64_t>(shared));
    const std::vector<Row> again =
        rows_of(std::span(other).subspan(shared), first, static_cast<int64_t>(shared));
    expect_same_bits(forward(session, again),
                     {expected_other.begin() + static_cast<long>(shared), expected_other.end()},
                     "truncated");
    session.remove(first);
    EXPECT_THROW(session.length(first), Error);
    EXPECT_EQ(session.length(second), static_cast<int64_t>(other.size()));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, RowIndependence,
    testing::Values(Setup{"rotary-partial-f32", {}}, Setup{"rotary-full-odd-ffn-f16", {}},
                    Setup{"rotary-full-odd-ffn-f16", WeightType::kF32},
                    Setup{"rotary-full-odd-ffn-f16", WeightType::kBF16},
                    Setup{"rotary-full-odd-ffn-f16", WeightType::kInt8},
                    Setup{"rotary-full-odd-ffn-f16", WeightType::kInt4},
                    Setup{"rotary-partial-f32", WeightType::kInt4}, Setup{"deep-bf16", {}},
                    Setup{"big-head-f16", {}}, Setup{"big-head-f16", WeightType::kInt8},
                    Setup{"rotary-partial-f32", {}, WeightType::kInt8},
                    Setup{"rotary-full-odd-ffn-f16", WeightType::kInt4, WeightType::kInt8},
                    Setup{"big-head-f16", {}, WeightType::kInt8}),
    [](const testing::TestParamInfo<Setup>& instance) {
      std::string name = instance.param.folder;
      if (instance.param.weights)
        name += std::string("_as_") + weight_type_name(*instance.param.weights);
      if (instance.param.kv_cache)
        name += std::string("_kv_cache_") + weight_type_name(*instance.param.kv_cache);
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

TEST(Session, RefusesRowsThatDoNotFit) {
  const Model model = Model::load(test::golden_path("rotary-partial-f32"));
  Session session(model);
  const SequenceId s = session.add_sequence();
  const auto ignore = [](size_t, std::span<const float>) {};
  const auto code = [&](const std::vector<Row>& rows) {
    try {
      session.forward(rows, ignore);
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "accepted";
    return ErrorCode::kIo;
  };
  EXPECT_EQ(code({{131, s, 0, true}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{-1, s, 0, true}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{1, s, 1, true}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{1, s, 0, true}, {1, s, 0, true}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{1, s + 1, 0, true}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(rows_of(std::vector<TokenId>(129, 1), s, 0)), ErrorCode::kContextLength);
  EXPECT_EQ(session.length(s), 0);
  EXPECT_EQ(forward(session, rows_of(std::vector<TokenId>(128, 1), s, 0)).size(), 128u);
}

}  // namespace
}  // namespace gptj
