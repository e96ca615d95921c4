// SPDX-License-Identifier: Apache-2.0
// Hidden states: what lm_head makes the logits of, whatever the batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "formats/safetensors.h"
#include "gptj/model.h"
#include "support/expect_error.h"
#include "support/golden.h"

namespace gptj {
namespace {

using Ids = std::vector<TokenId>;
using States = std::vector<std::vector<float>>;

Ids some_ids(size_t n) {
  Ids ids(n);
  for (size_t i = 0; i < n; ++i) ids[i] = static_cast<TokenId>(i * 7 % 120);
  return ids;
}

const Model& model() {
  static const Model model = Model::load(test::golden_path("rotary-partial-f32"),
                                         {.weights = WeightType::kF32, .threads = 2});
  return model;
}

// The hidden state of each of `ids`, computed `step` rows at a time; `with_logits` asks for the
// logits of every second row too.
States hidden_of(const Ids& ids, size_t step, bool with_logits) {
  Session session(model());
  const SequenceId sequence = session.add_sequence();
  States states;
  for (size_t first = 0; first < ids.size(); first += step) {
    std::vector<Row> rows;
    for (size_t i = first; i < std::min(first + step, ids.size()); ++i) {
      rows.push_back({.token = ids[i],
                      .sequence = sequence,
                      .position = static_cast<int64_t>(i),
                      .wants_logits = with_logits && i % 2 == 0,
                      .wants_hidden = true});
    }
    size_t next = 0;
    session.forward(
        rows, [](size_t, std::span<const float>) {},
        [&](size_t row, std::span<const float> hidden) {
          EXPECT_EQ(row, next++);
          states.emplace_back(hidden.begin(), hidden.end());
        });
    EXPECT_EQ(next, rows.size());
  }
  return states;
}

TEST(Hidden, DependsOnTheRowsPrefixAlone) {
  const Ids ids = some_ids(100);
  const States expected = hidden_of(ids, 100, false);
  EXPECT_EQ(expected.size(), 100u);
  for (const size_t step : {1, 7, 33}) EXPECT_EQ(hidden_of(ids, step, false), expected);
  EXPECT_EQ(hidden_of(ids, 40, true), expected);
}

// A tensor of the checkpoint, which stores f32.
std::vector<float> floats_of(const std::string& name) {
  const SafetensorsFile file(test::golden_path("rotary-partial-f32") + "/model.safetensors");
  for (const TensorView& tensor : file.tensors()) {
    if (tensor.name != name) continue;
    std::vector<float> values(tensor.bytes.size() / sizeof(float));
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }
  ADD_FAILURE() << "no " << name;
  return {};
}

// With f32 weights a logit is one chain of fmas over the hidden state, from 0, and the bias last.
TEST(Hidden, LogitsAreItsProductWithTheHead) {
  const Ids ids = some_ids(20);
  const States hidden = hidden_of(ids, 20, true);
  Session session(model());
  const auto logits = test::forward(session, test::rows_of(ids, session.add_sequence(), 0));
  const std::vector<float> weight = floats_of("lm_head.weight"), bias = floats_of("lm_head.bias");
  for (size_t r = 0; r < ids.size(); ++r) {
    const std::vector<float>& x = hidden[r];
    ASSERT_EQ(x.size(), static_cast<size_t>(model().config().n_embd));
    for (size_t n = 0; n < bias.size(); ++n) {
      float sum = 0;
      for (size_t k = 0; k < x.size(); ++k) sum = std::fma(weight[n * x.size() + k], x[k], sum);
      EXPECT_EQ(sum + bias[n], logits[r][n]) << r << ", " << n;
    }
  }
}

TEST(Hidden, WithoutASinkIsAnError) {
  Session session(model());
  const std::vector<Row> rows = {
      {.token = 1, .sequence = session.add_sequence(), .wants_hidden = true}};
  test::expect_error(
      ErrorCode::kInvalidArgument, [&] { session.forward(rows, {}); }, "hidden_sink");
}

}  // namespace
}  // namespace gptj
