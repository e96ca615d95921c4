// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <fstream>
#include <iterator>

#include "convert/rounding.h"
#include "convert/second_moments.h"
#include "gptj/convert.h"
#include "kernels/dispatch.h"
#include "kernels/pack.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/packed_weights.h"
#include "support/random_floats.h"
#include "support/temp_folder.h"

namespace gptj {
namespace {

using test::expect_error;
using test::random_floats;
using test::TempFolder;

const std::string kFairytale = GPTJ_SOURCE_DIR "/models/fairytale-8m";

Matrix matrix_of(const std::vector<float>& values, size_t columns) {
  Matrix m(columns);
  m.reserve(values.size() / columns);
  for (size_t i = 0; i < values.size(); ++i) m.row(i / columns)[i % columns] = values[i];
  return m;
}

// Inputs that go together: each is mostly the one before it.
std::vector<float> correlated(size_t rows, size_t k, uint64_t seed) {
  std::vector<float> x = random_floats(rows * k, seed);
  for (size_t i = 0; i < x.size(); ++i) {
    if (i % k != 0) x[i] = 0.9f * x[i - 1] + 0.4f * x[i];
  }
  return x;
}

Eigen::MatrixXd moments_of(const std::vector<float>& x, size_t k) {
  const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> m(
      x.data(), static_cast<Eigen::Index>(x.size() / k), static_cast<Eigen::Index>(k));
  const Eigen::MatrixXd d = m.cast<double>();
  return d.transpose() * d;
}

UpperFactor factor_of(const std::vector<float>& x, size_t k, ThreadPool& pool,
                      const std::string& isa = "") {
  SecondMoments moments(k, select_kernels(isa), pool);
  const size_t rows = x.size() / k, half = rows / 2;  // in two steps
  moments.add(matrix_of({x.begin(), x.begin() + static_cast<std::ptrdiff_t>(half * k)}, k), half);
  moments.add(matrix_of({x.begin() + static_cast<std::ptrdiff_t>(half * k), x.end()}, k),
              rows - half);
  return moments.factor();
}

TEST(SecondMoments, FactorIsUpperAndItsSquareIsTheDampedSum) {
  ThreadPool pool(2);
  for (const size_t k : {1, 5, 16, 37, 130}) {
    for (const size_t rows : {1, 2, 300}) {
      SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(k));
      const std::vector<float> x = correlated(rows, k, k);
      const UpperFactor factor = factor_of(x, k, pool);
      const auto n = static_cast<Eigen::Index>(k);
      Eigen::MatrixXd r = Eigen::MatrixXd::Zero(n, n), expected = moments_of(x, k);
      for (size_t j = 0; j < k; ++j) {
        for (size_t i = 0; i < k; ++i) {
          r(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = factor.column(j)[i];
          EXPECT_TRUE(i <= j || factor.column(j)[i] == 0);
        }
      }
      expected.diagonal().array() += 0.01 * expected.trace() / static_cast<double>(k);
      EXPECT_LE((r * r.transpose() - expected).cwiseAbs().maxCoeff(),
                1e-5 * expected.cwiseAbs().maxCoeff());
    }
  }
}

TEST(SecondMoments, AreTheSameBitsForAnyThreadsAndInstructionSet) {
  const std::vector<float> x = correlated(70, 50, 3);
  ThreadPool one(1), four(4);
  const UpperFactor a = factor_of(x, 50, one), b = factor_of(x, 50, four, "portable");
  for (size_t j = 0; j < 50; ++j) {
    for (size_t i = 0; i < 50; ++i) ASSERT_EQ(a.column(j)[i], b.column(j)[i]);
  }
}

TEST(SecondMoments, OfInputsThatAreNotFiniteAreRefused) {
  ThreadPool pool(1);
  std::vector<float> x = random_floats(8, 1);
  x[3] = INFINITY;
  expect_error(
      ErrorCode::kNotFinite, [&] { factor_of(x, 4, pool); }, "calibration");
}

struct Case {
  Element element;
  size_t n, k, group;
};
const Case kCases[] = {{Element::kInt8, 16, 128, 128},
                       {Element::kInt4, 33, 300, 128},
                       {Element::kInt4, 5, 77, 32},
                       {Element::kInt8, 18, 1100, 64},
                       {Element::kInt4, 16, 1, 128}};

PackedMatrix packed(const std::vector<float>& w, const Case& c, Element element) {
  PackedMatrix m;
  m.n = c.n;
  m.k = c.k;
  m.element = element;
  m.group = is_quantized(element) ? c.group : 0;
  m.owned = AlignedBuffer<std::byte>(m.bytes());
  m.panels = m.owned.span();
  for (size_t p = 0; p < m.n_panels(); ++p) {
    std::array<SourceRow, kLanes> rows{};
    for (size_t l = 0; l < kLanes && p * kLanes + l < c.n; ++l) {
      const float* row = w.data() + (p * kLanes + l) * c.k;
      rows[l] = {reinterpret_cast<const std::byte*>(row), Element::kF32};
    }
    pack_panel(select_kernels(""), rows, m.format(), m.owned.data() + p * m.format().bytes());
  }
  return m;
}

PackedMatrix rounded(const std::vector<float>& w, const Case& c, const UpperFactor& factor,
                     ThreadPool& pool) {
  PackedMatrix m;
  m.n = c.n;
  m.k = c.k;
  m.element = c.element;
  m.group = c.group;
  EXPECT_TRUE(
      round_with_feedback(packed(w, c, Element::kF32), factor, select_kernels(""), pool, m));
  return m;
}

// The sum over outputs of the squared error that rounding makes on inputs of these moments.
double output_error(const PackedMatrix& m, const std::vector<float>& w,
                    const Eigen::MatrixXd& moments) {
  const Eigen::Index k = moments.rows();
  const std::vector<float> numbers = test::weights_of(m);
  double error = 0;
  for (size_t n = 0; n < m.n; ++n) {
    Eigen::VectorXd e(k);
    for (Eigen::Index i = 0; i < k; ++i) {
      const size_t at = n * m.k + static_cast<size_t>(i);
      e(i) = static_cast<double>(w[at]) - static_cast<double>(numbers[at]);
    }
    error += e.dot(moments * e);
  }
  return error;
}

TEST(RoundWithFeedback, OfInputsThatHaveNothingInCommonIsPlainRounding) {
  ThreadPool pool(2);
  for (const Case& c : kCases) {
    UpperFactor identity{c.k, c.k, AlignedBuffer<float>(c.k * c.k)};
    std::fill_n(identity.columns.data(), c.k * c.k, 0.0f);
    for (size_t i = 0; i < c.k; ++i) identity.columns[i * c.k + i] = 2.0f;
    const std::vector<float> w = random_floats(c.n * c.k, c.n);
    const PackedMatrix plain = packed(w, c, c.element), m = rounded(w, c, identity, pool);
    EXPECT_TRUE(std::equal(plain.panels.begin(), plain.panels.end(), m.panels.begin()))
        << weight_type_name(c.element) << " " << c.n << " x " << c.k;
  }
}

TEST(RoundWithFeedback, KeepsOutputsCloserThanPlainRounding) {
  ThreadPool pool(2);
  for (const Case& c : kCases) {
    if (c.k < 2) continue;
    SCOPED_TRACE(std::string(weight_type_name(c.element)) + " " + std::to_string(c.k));
    const std::vector<float> x = correlated(4 * c.k, c.k, 9), w = random_floats(c.n * c.k, c.n);
    const Eigen::MatrixXd moments = moments_of(x, c.k);
    const double plain = output_error(packed(w, c, c.element), w, moments);
    const double fed_back = output_error(rounded(w, c, factor_of(x, c.k, pool), pool), w, moments);
    EXPECT_LT(fed_back, 0.5 * plain);
    EXPECT_GT(fed_back, 0);
  }
}

TEST(RoundWithFeedback, SaysWhenAScaleOverflows) {
  ThreadPool pool(1);
  const Case c = kCases[0];
  std::vector<float> w(c.n * c.k, 1e30f);
  PackedMatrix m;
  m.n = c.n;
  m.k = c.k;
  m.element = c.element;
  m.group = c.group;
  const UpperFactor factor = factor_of(correlated(200, c.k, 9), c.k, pool);
  EXPECT_FALSE(
      round_with_feedback(packed(w, c, Element::kF32), factor, select_kernels(""), pool, m));
}

std::vector<TokenId> ids_of(const std::string& path, size_t n) {
  std::ifstream file(path);
  std::vector<TokenId> ids = load_tokenizer(kFairytale)
                                 .encode(std::string(std::istreambuf_iterator<char>(file),
                                                     std::istreambuf_iterator<char>()));
  ids.resize(std::min(n, ids.size()));
  return ids;
}

// One part of the held-out text calibrates, another judges.
TEST(Calibration, HalvesTheDivergenceOfFourBits) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors");
  std::vector<TokenId> text = ids_of(test::golden_path("fairytale-8m-heldout.txt"), 20 * 512);
  const std::vector<TokenId> judge(text.begin(), text.begin() + 4 * 512);
  text.erase(text.begin(), text.begin() + 4 * 512);
  for (const WeightType head : {WeightType::kInt8, WeightType::kInt4}) {
    ConvertOptions options = {.weights = WeightType::kInt4, .head = head, .evaluation = judge};
    const double plain = convert(kFairytale, target, options).fidelity->mean_kl;
    options.calibration = text;
    const ConversionReport report = convert(kFairytale, target, options);
    const Fidelity& f = *report.fidelity;
    std::printf("head %s: mean KL %.3g, without calibration %.3g; perplexity %.4f of %.4f\n",
                weight_type_name(head), f.mean_kl, plain, f.perplexity, f.reference_perplexity);
    EXPECT_LE(f.mean_kl, 5.4e-3);  // that of ggml's Q4_K, of 4.5 bits
    EXPECT_LT(f.mean_kl, 0.6 * plain);
    EXPECT_NEAR(f.perplexity / f.reference_perplexity, 1, 0.01);
    EXPECT_EQ(report.calibration_tokens, static_cast<int64_t>(text.size()));
  }
}

TEST(Calibration, GivesTheSameBytesForAnyThreadsAndInstructionSet) {
  const TempFolder folder;
  const auto bytes = [&](size_t threads, const char* isa) {
    const std::string target = folder.path("model.safetensors");
    std::vector<TokenId> text;
    for (TokenId id = 0; id < 200; ++id) text.push_back(id * 7 % 90);
    convert(test::golden_path("rotary-full-odd-ffn-f16"), target,
            {.weights = WeightType::kInt4, .calibration = text, .threads = threads, .isa = isa});
    std::ifstream file(target, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  };
  EXPECT_EQ(bytes(1, ""), bytes(3, "portable"));
}

TEST(Calibration, RefusesWhatItCannotUse) {
  const TempFolder folder;
  const std::string target = folder.path("model.safetensors");
  const auto refused = [&](const ConvertOptions& options, const char* word) {
    expect_error(
        ErrorCode::kInvalidArgument, [&] { convert(kFairytale, target, options); }, "calibration",
        word);
  };
  refused({.weights = WeightType::kF16, .calibration = {1}}, "int8 or int4");
  refused({.weights = WeightType::kInt4, .head = WeightType::kF16, .calibration = {1}}, "head f16");
  refused({.weights = WeightType::kInt4, .calibration = {4096}}, "below 4096");
  refused({.weights = WeightType::kInt4, .calibration = {-1}}, "-1");
  const auto cancel = [](const char* what, uint64_t done, uint64_t) {
    return std::string(what) == "calibrating" && done == 2 ? Progress::kCancel
                                                           : Progress::kContinue;
  };
  expect_error(
      ErrorCode::kCancelled,
      [&] {
        convert(kFairytale, target,
                {.weights = WeightType::kInt4, .calibration = {1, 2, 3}, .on_progress = cancel});
      },
      "cancelled");
  EXPECT_FALSE(std::ifstream(target));
}

}  // namespace
}  // namespace gptj
