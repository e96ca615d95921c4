// SPDX-License-Identifier: Apache-2.0
// Two random layers of the 6B's shape, few rows: the same bits however they are computed, and every
// step within a derived bound of the same step in double.
#include "engine/six_b.h"

#include <Eigen/Core>
#include <cmath>

#include "base/half.h"
#include "kernels/packed.h"

namespace gptj {
namespace {

using test::expect_same_bits;
using test::six_b_config;
using test::six_b_logits;
using test::six_b_rows;
using test::SixB;

using Doubles = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kUnit = 0x1p-24;  // half an ulp of 1 in f32

std::string name(const KernelTable& kernels, size_t threads, size_t rows, size_t chunk) {
  return std::string(kernels.isa) + ", " + std::to_string(threads) + " threads, " +
         std::to_string(rows) + " rows, chunk " + std::to_string(chunk);
}

class SixBShape : public testing::TestWithParam<WeightType> {
 protected:
  const SixB model_{GetParam()};
};

TEST_P(SixBShape, SameBitsOverRowsChunksThreadsAndInstructionSets) {
  const KernelTable& best = select_kernels("");
  for (const size_t rows : {1, 2, 15, 16, 17}) {
    const std::vector<float> expected = six_b_logits(model_, best, 1, rows, 0);
    for (const InstructionSet& set : instruction_sets()) {
      // The portable set without an fma unit takes a second a row; the long test goes further.
      const bool portable = std::string(set.kernels.isa) == "portable";
      if (!set.supported() || (portable && rows > 1)) continue;
      if (!test::same_arithmetic(GetParam(), set.kernels, best)) continue;
      for (const auto& [threads, chunk] :
           {std::pair<size_t, size_t>{1, 1}, {2, 0}, {3, 7}, {4, 0}}) {
        if (portable && threads != 2) continue;
        expect_same_bits(six_b_logits(model_, set.kernels, threads, rows, chunk), expected,
                         name(set.kernels, threads, rows, chunk));
      }
    }
  }
}

Doubles doubles(const Matrix& m, size_t rows) {
  Doubles d(rows, m.columns());
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < m.columns(); ++c) {
      d(static_cast<long>(r), static_cast<long>(c)) = m.row(r)[c];
    }
  }
  return d;
}

// What the kernels multiply: the values that packed weights and prepared rows stand for.
Doubles packed_panel(const PackedMatrix& w, size_t p) {
  const PanelFormat format{w.element, w.k, w.group};
  Doubles panel(kLanes, w.k);
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const auto row = static_cast<long>(lane);
    if (is_quantized(w.element)) {
      const QuantizedOutput output = test::read_output(format, w.panels.data(), p * kLanes + lane);
      for (size_t i = 0; i < w.k; ++i) {
        panel(row, static_cast<long>(i)) =
            double{output.scales[i / w.group]} * (output.q[i] - output.zeros[i / w.group]);
      }
      continue;
    }
    const std::byte* stored = w.panels.data() + p * format.bytes();
    for (size_t i = 0; i < w.k; ++i) {
      const size_t index =
          w.element == Element::kBF16 ? (i / 2 * kLanes + lane) * 2 + i % 2 : i * kLanes + lane;
      float value;
      widen(stored + index * element_size(w.element), w.element, 1, &value);
      panel(row, static_cast<long>(i)) = value;
    }
  }
  return panel;
}

Doubles multiplied_rows(const PackedMatrix& w, const Matrix& x, size_t rows) {
  Doubles input = doubles(x, rows);
  const Operand operand = select_kernels("").product[w.element].operand;
  for (size_t r = 0; r < rows; ++r) {
    const QuantizedRow row =
        is_quantized(w.element) ? quantize_activations({x.row(r), w.k}, w.group) : QuantizedRow{};
    for (size_t i = 0; i < w.k; ++i) {
      double& value = input(static_cast<long>(r), static_cast<long>(i));
      if (operand == Operand::kInt8) value = double{row.scales[i / w.group]} * row.q[i];
      if (operand == Operand::kBF16) value = bf16_to_f32(f32_to_bf16(static_cast<float>(value)));
    }
  }
  return input;
}

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

// out = x W^T + bias: a chain of k fmas errs by at most (k + 1) units of sum |x w| (one of exact
// dots by less), the bias by one unit of the result more.
void expect_linear(const PackedMatrix& w, const Matrix& x, const Matrix& out, size_t rows,
                   bool with_gelu) {
  const Doubles input = multiplied_rows(w, x, rows), magnitude = input.cwiseAbs();
  for (size_t p = 0; p < w.n_panels(); ++p) {
    const Doubles panel = packed_panel(w, p);
    const Doubles exact = input * panel.transpose();
    const Doubles sums = magnitude * panel.cwiseAbs().transpose();
    for (size_t r = 0; r < rows; ++r) {
      for (size_t lane = 0; lane < kLanes && p * kLanes + lane < w.n; ++lane) {
        const size_t c = p * kLanes + lane;
        const auto er = static_cast<long>(r), el = static_cast<long>(lane);
        double expected = exact(er, el) + (w.bias.size() > 0 ? w.bias[c] : 0.0f);
        double bound = kUnit * (static_cast<double>(w.k + 2) * sums(er, el) + std::fabs(expected));
        if (with_gelu) {
          // gelu's slope stays below 1.13; itself it errs by a few units of x (1 + tanh cancels).
          bound = 1.13 * bound + 8 * kUnit * std::fabs(expected);
          expected = gelu(expected);
        }
        ASSERT_NEAR(out.row(r)[c], expected, bound) << "row " << r << " column " << c;
      }
    }
  }
}

void expect_layer_norm(const LayerNorm& ln, const Matrix& x, const Matrix& out, size_t rows) {
  const size_t n = x.columns();
  for (size_t r = 0; r < rows; ++r) {
    double mean = 0, variance = 0, largest = 0;
    for (size_t i = 0; i < n; ++i) mean += x.row(r)[i] / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) {
      variance += std::pow(x.row(r)[i] - mean, 2) / static_cast<double>(n);
      largest = std::max(largest, std::fabs(double{x.row(r)[i]}));
    }
    const double rstd = 1 / std::sqrt(variance + 1e-5);
    for (size_t i = 0; i < n; ++i) {
      // Mean and variance are sums of n / 16 + 4 terms each; then five operations.
      const double bound = static_cast<double>(n / 16 + 12) * 2 * kUnit * (1 + largest * rstd) *
                           std::fabs(ln.weight[i]);
      ASSERT_NEAR(out.row(r)[i], (x.row(r)[i] - mean) * rstd * ln.weight[i] + ln.bias[i], bound);
    }
  }
}

// Softmax over at most 17 keys of dots over 256 dimensions, keys and values as the cache rounds
// them.
void expect_attention(const Matrix& qkv, const Matrix& out, size_t rows, Element element) {
  constexpr size_t kDim = 256;
  const double scale = 1 / std::sqrt(static_cast<double>(kDim));
  const auto cached = [&](float v) {
    if (element == Element::kF16) return double{f16_to_f32(f32_to_f16(v))};
    return double{element == Element::kBF16 ? bf16_to_f32(f32_to_bf16(v)) : v};
  };
  for (size_t head = 0; head < 16; ++head) {
    for (size_t r = 0; r < rows; ++r) {
      const float* q = qkv.row(r) + head * kDim;
      std::vector<double> s(r + 1);
      double largest = -HUGE_VAL, sum = 0, dot_bound = 0, value_bound = 0;
      for (size_t j = 0; j <= r; ++j) {
        const float* k = qkv.row(j) + 4096 + head * kDim;
        double magnitude = 0;
        for (size_t d = 0; d < kDim; ++d) {
          s[j] += q[d] * cached(k[d]);
          magnitude += std::fabs(q[d] * cached(k[d]));
          value_bound = std::max(value_bound, std::fabs(cached(k[4096 + d])));
        }
        s[j] *= scale;
        dot_bound = std::max(dot_bound, scale * magnitude * (kDim + 2) * kUnit);
        largest = std::max(largest, s[j]);
      }
      for (double& p : s) sum += p = std::exp(p - largest);
      // A score off by e changes each probability by 2e of itself; exp, sums and division add a few
      // units per key.
      const double bound =
          value_bound * (4 * dot_bound + 4 * kUnit * static_cast<double>(rows + 8));
      for (size_t d = 0; d < kDim; ++d) {
        double expected = 0;
        for (size_t j = 0; j <= r; ++j) {
          expected += s[j] / sum * cached(qkv.row(j)[8192 + head * kDim + d]);
        }
        ASSERT_NEAR(out.row(r)[head * kDim + d], expected, bound)
            << "head " << head << " row " << r;
      }
    }
  }
}

// Walks the forward pass step by step, holding each step's output against double computed from the
// same inputs; the last must be what forward() gives.
TEST_P(SixBShape, EveryStepIsWithinItsBoundOfDouble) {
  constexpr size_t kRows = 17;
  const ModelConfig& config = six_b_config();
  ThreadPool pool(2);
  Engine engine(select_kernels(""), pool, 256);
  KvCache cache(config, model_.kv_cache());
  const std::vector<Row> rows = six_b_rows(kRows, cache.add());
  const std::vector<RowSpan> spans = find_row_spans(rows, config, cache);
  cache.extend(rows[0].sequence, kRows);
  const Pass pass({rows, spans, cache}, static_cast<size_t>(config.n_head), engine.slices());
  Scratch s(config);
  s.reserve(kRows);
  embed(engine, model_.weights.wte, rows, s.x);
  for (size_t i = 0; i < 2; ++i) {
    const Layer& layer = model_.weights.layers[i];
    layer_norm(engine, layer.ln_1, config.layer_norm_epsilon, s.x, kRows, s.normed);
    expect_layer_norm(layer.ln_1, s.x, s.normed, kRows);
    linear(engine, {{layer.qkv, s.normed, s.qkv}}, kRows);
    expect_linear(layer.qkv, s.normed, s.qkv, kRows, false);
    // Rotates q and k where they are: tests/engine/rotary_test.cc has that one's bound.
    attention(engine, model_.rotary, config, i, pass, s.qkv, s.attended);
    expect_attention(s.qkv, s.attended, kRows, model_.kv_cache());
    linear(engine, {{layer.out_proj, s.attended, s.attention_out}}, kRows);
    expect_linear(layer.out_proj, s.attended, s.attention_out, kRows, false);
    linear(engine, {{layer.fc_in, s.normed, s.inner, Activation::kGelu}}, kRows);
    expect_linear(layer.fc_in, s.normed, s.inner, kRows, true);
    linear(engine, {{layer.fc_out, s.inner, s.mlp_out}}, kRows);
    expect_linear(layer.fc_out, s.inner, s.mlp_out, kRows, false);
    add_branches(engine, s.attention_out, s.mlp_out, kRows, s.x);
  }
  layer_norm(engine, model_.weights.ln_f, config.layer_norm_epsilon, s.x, kRows, s.final_normed);
  expect_layer_norm(model_.weights.ln_f, s.x, s.final_normed, kRows);
  linear(engine, {{model_.weights.lm_head, s.final_normed, s.logits}}, kRows);
  expect_linear(model_.weights.lm_head, s.final_normed, s.logits, kRows, false);
  std::vector<float> wanted;
  for (size_t r = kRows - 4; r < kRows; ++r) {
    wanted.insert(wanted.end(), s.logits.row(r), s.logits.row(r) + config.vocab_size);
  }
  expect_same_bits(wanted, six_b_logits(model_, select_kernels(""), 2, kRows, 0), "step by step");
}

INSTANTIATE_TEST_SUITE_P(Weights, SixBShape, testing::ValuesIn(kWeightTypes), test::type_name);

}  // namespace
}  // namespace gptj
