// SPDX-License-Identifier: Apache-2.0
#include "bench/verify.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "engine/model_state.h"
#include "gptj/session.h"
#include "model/synthetic.h"

namespace gptj {
namespace {

// A shape whose sizes are no multiples of the block sizes of kernels.
const ModelConfig kShape = {.vocab_size = 333,
                            .n_positions = 128,
                            .n_embd = 3 * 88,
                            .n_layer = 2,
                            .n_head = 3,
                            .rotary_dim = 32,
                            .n_inner = 1100};
// Rows of each forward pass: a text of more than a page, then numbers of rows that kernels take one
// by one, a few at a time, and in blocks.
constexpr int64_t kPrompt = 75, kRuns[] = {kPrompt, 1, 2, 3, 4, 7, 16};
// An ample bound for the error of rounding rows and sums to bf16's eight bits, as a fraction of the
// largest logit.
constexpr float kNear = 0.05f;

std::vector<float> logits_of(const Model::State& like, const std::string& isa) {
  const Model model = synthetic_model(kShape,
                                      {.weights = like.weight_type,
                                       .head = like.packing.head,
                                       .kv_cache = like.kv_cache_type,
                                       .threads = 1,
                                       .isa = isa},
                                      /*seed=*/7, like.reading);
  Session session(model);
  const SequenceId sequence = session.add_sequence();
  std::vector<float> all;
  const auto keep = [&](size_t, std::span<const float> logits) {
    all.insert(all.end(), logits.begin(), logits.end());
  };
  for (const int64_t run : kRuns) {
    const int64_t begin = session.length(sequence);
    std::vector<Row> rows;
    for (int64_t i = begin; i < begin + run; ++i) {
      rows.push_back({i * 7 % kShape.vocab_size, sequence, i, run < kPrompt || i % 5 == 0});
    }
    session.forward(rows, keep);
  }
  return all;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
  });
}

bool near(std::span<const float> a, std::span<const float> b) {
  float largest = 0, apart = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    largest = std::max(largest, std::fabs(b[i]));
    apart = std::max(apart, std::fabs(a[i] - b[i]));
  }
  return apart <= kNear * largest;
}

}  // namespace

void verify_kernels(const Model& model) {
  const Model::State& state = model.state();
  const std::vector<float> found = logits_of(state, state.kernels.isa),
                           expected = logits_of(state, "portable");
  const bool own_rounding =
      state.kernels.product[Element::kBF16].operand == Operand::kBF16 &&
      (state.packing.layers == Element::kBF16 || state.packing.head == Element::kBF16);
  check(own_rounding ? near(found, expected) : same_bits(found, expected), ErrorCode::kUnsupported,
        "the kernels of ", state.kernels.isa, " for ", weight_type_name(state.weight_type),
        " weights do not compute what portable code does; use `isa` with another set");
}

}  // namespace gptj
