// SPDX-License-Identifier: Apache-2.0
#include "weights/smoothing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/tensor_names.h"

namespace gptj {
namespace {

// A channel is smoothed where its activations are this many times the group's median.
constexpr double kOutlier = 4;
constexpr int kMaxExponent = 8;

constexpr const char* kInputs[] = {"attn.q_proj.weight", "attn.k_proj.weight", "attn.v_proj.weight",
                                   "mlp.fc_in.weight"};

std::vector<float> floats(const TensorView& tensor) {
  std::vector<float> out(tensor.bytes.size() / dtype_size(tensor.type));
  widen(tensor.bytes.data(), element_of(tensor), out.size(), out.data());
  return out;
}

// The cost of rounding one group of channels, as squared error of all outputs, for each choice of
// how far outliers are brought down. Choice `most` makes a channel smaller by at most 2^most.
class GroupCosts {
 public:
  // `magnitudes`: root mean square of each channel's activations.
  explicit GroupCosts(std::vector<double> magnitudes) : magnitudes_(std::move(magnitudes)) {
    is_finite_ = std::all_of(magnitudes_.begin(), magnitudes_.end(),
                             [](double m) { return std::isfinite(m); });
    if (!is_finite_) return;
    std::vector<double> sorted = magnitudes_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    median_ = *middle;
  }

  bool has_outliers() const {
    return is_finite_ &&
           *std::max_element(magnitudes_.begin(), magnitudes_.end()) > kOutlier * median_;
  }

  // Returns by how many powers of two choice `most` makes channel j smaller.
  int exponent(size_t j, int most) const {
    if (magnitudes_[j] <= kOutlier * median_) return 0;
    const int over = median_ > 0 ? std::ilogb(magnitudes_[j] / median_) : kMaxExponent;
    return std::min(most, over);
  }

  // Adds one output's weights, one for each channel of the group.
  void add(const float* w) {
    const size_t n = magnitudes_.size();
    if (factors_.empty()) {
      for (int most = 0; most <= kMaxExponent; ++most) {
        for (size_t j = 0; j < n; ++j) factors_.push_back(std::ldexp(1.0, exponent(j, most)));
      }
    }
    for (int most = 0; most <= kMaxExponent; ++most) {
      const double* factors = factors_.data() + static_cast<size_t>(most) * n;
      double largest = 0, squares = 0;
      for (size_t j = 0; j < n; ++j) {
        const double scaled = std::abs(static_cast<double>(w[j])) * factors[j];
        largest = std::max(largest, scaled);
        squares += scaled * scaled;
      }
      weight_steps_[most] += largest * largest;
      weight_squares_[most] += squares;
    }
  }

  int best() const {
    int best = 0;
    for (int most = 1; most <= kMaxExponent; ++most) {
      if (cost(most) < cost(best)) best = most;
    }
    return best;
  }

 private:
  // Estimates the squared error of choice `most`. The rounding error of either side (weights or
  // activations) is proportional to the side's largest magnitude. In the products, the error is
  // multiplied by the other side's numbers, so squares are multiplied by squares.
  double cost(int most) const {
    double largest = 0, squares = 0;
    for (size_t j = 0; j < magnitudes_.size(); ++j) {
      const double scaled = std::ldexp(magnitudes_[j], -exponent(j, most));
      largest = std::max(largest, scaled);
      squares += scaled * scaled;
    }
    return weight_steps_[most] * squares + largest * largest * weight_squares_[most];
  }

  std::vector<double> magnitudes_;
  std::vector<double> factors_;  // 2^exponent(j, most) at [most][j]
  double median_ = 0;
  bool is_finite_ = true;
  double weight_steps_[kMaxExponent + 1] = {}, weight_squares_[kMaxExponent + 1] = {};
};

// A source that smooths ln_1 and the weights that read ln_1, layer by layer.
class SmoothedSource : public WeightSource {
 public:
  explicit SmoothedSource(std::unique_ptr<WeightSource> source) : source_(std::move(source)) {}

  const ModelConfig& config() const override { return source_->config(); }
  const std::string& name() const override { return source_->name(); }
  uint64_t total_bytes() const override { return source_->total_bytes(); }
  std::shared_ptr<const void> owner(const TensorView& tensor) override {
    return source_->owner(tensor);
  }

  TensorView tensor(const std::string& canonical_name) override {
    const size_t dot = canonical_name.find('.', 2);
    if (!canonical_name.starts_with("h.") || dot == std::string::npos) {
      return source_->tensor(canonical_name);
    }
    const std::string layer = canonical_name.substr(0, dot + 1);
    const std::string part = canonical_name.substr(dot + 1);
    const bool gain = part.starts_with("ln_1.");
    const bool input = std::find(std::begin(kInputs), std::end(kInputs), part) != std::end(kInputs);
    if (!gain && !input) return source_->tensor(canonical_name);
    const std::vector<int>& exponents = exponents_of(layer);
    const TensorView original = source_->tensor(canonical_name);
    if (exponents.empty()) return original;
    Made& made = made_[canonical_name] = {original, floats(original)};
    std::vector<float>& values = made.values;
    for (size_t i = 0; i < values.size(); ++i) {
      const int exponent = exponents[i % exponents.size()];
      values[i] = std::ldexp(values[i], gain ? -exponent : exponent);
    }
    return {canonical_name, DType::kF32, original.shape, std::as_bytes(std::span(values))};
  }

  void done(const TensorView& tensor) override {
    const auto made = made_.find(tensor.name);
    source_->done(made == made_.end() ? tensor : made->second.original);
    if (made != made_.end()) made_.erase(made);
  }

 private:
  struct Made {
    TensorView original;
    std::vector<float> values;
  };

  // Returns the exponent of each channel of ln_1 in the layer with this prefix, or empty if all
  // are 0.
  const std::vector<int>& exponents_of(const std::string& layer) {
    if (layer != layer_) {
      layer_ = layer;
      exponents_ = compute_exponents(layer);
    }
    return exponents_;
  }

  std::vector<int> compute_exponents(const std::string& layer) {
    const std::vector<float> weight = floats(source_->tensor(layer + "ln_1.weight"));
    const std::vector<float> bias = floats(source_->tensor(layer + "ln_1.bias"));
    const size_t group = quantization_group(Element::kInt8, false);
    std::vector<TensorView> inputs;
    std::vector<int> exponents;
    for (size_t begin = 0; begin < weight.size(); begin += group) {
      const size_t n = std::min(group, weight.size() - begin);
      std::vector<double> magnitudes(n);
      for (size_t j = 0; j < n; ++j) {
        const double w = weight[begin + j], b = bias[begin + j];
        magnitudes[j] = std::sqrt(w * w + b * b);
      }
      GroupCosts costs(std::move(magnitudes));
      if (!costs.has_outliers()) continue;
      exponents.resize(weight.size());
      if (inputs.empty()) {
        for (const char* part : kInputs) inputs.push_back(source_->tensor(layer + part));
      }
      for (const TensorView& tensor : inputs) add_weights(tensor, begin, n, costs);
      const int best = costs.best();
      for (size_t j = 0; j < n; ++j) exponents[begin + j] = costs.exponent(j, best);
    }
    const bool any = std::any_of(exponents.begin(), exponents.end(), [](int e) { return e != 0; });
    return any ? exponents : std::vector<int>();
  }

  static void add_weights(const TensorView& tensor, size_t begin, size_t n, GroupCosts& costs) {
    std::vector<float> row(n);
    const Element stored = element_of(tensor);
    for (size_t r = 0; r < tensor.shape[0]; ++r) {
      const size_t at = (r * tensor.shape[1] + begin) * element_size(stored);
      widen(tensor.bytes.data() + at, stored, n, row.data());
      costs.add(row.data());
    }
  }

  std::unique_ptr<WeightSource> source_;
  std::string layer_;  // the prefix of the layer that exponents_ belongs to
  std::vector<int> exponents_;
  std::map<std::string, Made> made_;
};

}  // namespace

std::unique_ptr<WeightSource> smoothed_source(std::unique_ptr<WeightSource> source,
                                              Element element) {
  if (element != Element::kInt8) return source;
  return std::make_unique<SmoothedSource>(std::move(source));
}

}  // namespace gptj
