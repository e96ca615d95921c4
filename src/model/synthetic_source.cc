// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/half.h"
#include "checkpoint/tensor_names.h"
#include "checkpoint/weight_source.h"

namespace gptj {
namespace {

// Returns a hash of z, by the finisher of SplitMix64 (Steele et al., 2014): random enough for
// weights, and far quicker than Philox.
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Returns number `index` of the random stream `key`: a multiple of 2^-23 in [-1, 1).
float uniform(uint64_t key, uint64_t index) {
  const auto high = static_cast<int32_t>(mix(key + index * 0x9e3779b97f4a7c15u) >> 40);
  return static_cast<float>(high - (1 << 23)) * 0x1p-23f;
}

void put(std::byte* target, DType type, size_t i, float value) {
  switch (type) {
    case DType::kF16: reinterpret_cast<uint16_t*>(target)[i] = f32_to_f16(value); break;
    case DType::kBF16: reinterpret_cast<uint16_t*>(target)[i] = f32_to_bf16(value); break;
    default: reinterpret_cast<float*>(target)[i] = value; break;
  }
}

// value = center + spread * uniform
struct Distribution {
  float center, spread;
};

Distribution distribution(const TensorSpec& spec) {
  if (is_embedding(spec.name)) return {0.0f, std::sqrt(3.0f)};  // variance 1
  if (spec.shape.size() == 2) return {0.0f, std::sqrt(3.0f / static_cast<float>(spec.shape[1]))};
  const bool gain = spec.name.find("ln_") != std::string::npos && spec.name.ends_with(".weight");
  return {gain ? 1.0f : 0.0f, 0.1f};
}

class SyntheticSource : public WeightSource {
 public:
  SyntheticSource(const ModelConfig& config, DType type, uint64_t seed, ThreadPool& pool)
      : config_(config), type_(type), seed_(seed), pool_(pool), specs_(tensor_specs(config)) {}

  const ModelConfig& config() const override { return config_; }
  const std::string& name() const override { return name_; }

  uint64_t total_bytes() const override {
    uint64_t total = 0;
    for (const TensorSpec& spec : specs_) total += elements(spec) * dtype_size(type_);
    return total;
  }

  TensorView tensor(const std::string& canonical_name) override {
    for (size_t t = 0; t < specs_.size(); ++t) {
      if (specs_[t].name == canonical_name) return make(t);
    }
    fail(ErrorCode::kInvalidArgument, concat("synthetic model: no tensor ", canonical_name));
  }

  void done(const TensorView& tensor) override { made_.erase(tensor.name); }
  std::shared_ptr<const void> owner(const TensorView& tensor) override {
    return made_.at(tensor.name);
  }

 private:
  using Buffer = AlignedBuffer<std::byte>;

  TensorView make(size_t t) {
    const TensorSpec& spec = specs_[t];
    if (const auto made = made_.find(spec.name); made != made_.end()) {
      return {spec.name, type_, spec.shape, made->second->span()};
    }
    const size_t n = elements(spec);
    auto buffer = std::make_shared<Buffer>(n * dtype_size(type_));
    const Distribution d = distribution(spec);
    const uint64_t key = mix(seed_ + 0x632be59bd9b4e019u * (t + 1));
    pool_.parallel([&](size_t slice) {
      const SliceRange range = slice_range(n, slice, pool_.slices());
      for (size_t i = range.begin; i < range.end; ++i) {
        put(buffer->data(), type_, i, d.center + d.spread * uniform(key, i));
      }
    });
    made_[spec.name] = buffer;
    return {spec.name, type_, spec.shape, buffer->span()};
  }

  ModelConfig config_;
  DType type_;
  uint64_t seed_;
  ThreadPool& pool_;
  std::vector<TensorSpec> specs_;
  std::string name_ = "synthetic model";
  std::map<std::string, std::shared_ptr<Buffer>> made_;
};

}  // namespace

std::unique_ptr<WeightSource> synthetic_source(const ModelConfig& config, DType type, uint64_t seed,
                                               ThreadPool& pool) {
  return std::make_unique<SyntheticSource>(config, type, seed, pool);
}

}  // namespace gptj
