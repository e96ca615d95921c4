// SPDX-License-Identifier: Apache-2.0
// Models of random weights in which a few channels are far above the rest, as they are in large
// trained ones: what quantizing loses must stay in proportion.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_names.h"
#include "checkpoint/weight_source.h"
#include "engine/model_state.h"
#include "gptj/evaluate.h"
#include "kernels/dispatch.h"
#include "support/golden.h"
#include "support/packed_weights.h"
#include "support/safetensors_writer.h"
#include "support/temp_folder.h"
#include "weights/smoothing.h"

namespace gptj {
namespace {

using test::TempFolder;
using test::TestTensor;

const ModelConfig kConfig = {.vocab_size = 512,
                             .n_positions = 128,
                             .n_embd = 1024,
                             .n_layer = 2,
                             .n_head = 8,
                             .rotary_dim = 32,
                             .n_inner = 4096};
constexpr const char* kConfigJson = R"({"model_type": "gptj", "vocab_size": 512,
  "n_positions": 128, "n_embd": 1024, "n_layer": 2, "n_head": 8, "rotary_dim": 32})";
constexpr size_t kChannels[] = {3, 100, 377, 378, 700, 1001};
constexpr float kGain = 40;

enum Outliers { kNone = 0, kOfLn1 = 1, kOfFcOut = 2, kOfBoth = 3 };

// A checkpoint of f32, to be changed and loaded.
class RandomModel {
 public:
  explicit RandomModel(int outliers) {
    ThreadPool pool(2);
    const auto source = synthetic_source(kConfig, DType::kF32, 7, pool);
    for (const TensorSpec& spec : tensor_specs(kConfig)) {
      const TensorView view = source->tensor(spec.name);
      tensors_.push_back(
          {spec.name, view.type, view.shape,
           std::string(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size())});
      source->done(view);
      const bool ln_1 = spec.name.ends_with("ln_1.weight");
      const bool fc_out = spec.name.ends_with("fc_out.weight");
      if ((outliers & kOfLn1) != 0 && ln_1) raise(1);
      if ((outliers & kOfFcOut) != 0 && fc_out) raise(static_cast<size_t>(kConfig.n_inner));
    }
  }

  // The same with the weights that a quantized model has, to be multiplied by exact activations.
  RandomModel with_weights_of(const Model& model) const {
    RandomModel copy = *this;
    const Weights& weights = model.state().weights;
    for (int64_t i = 0; i < kConfig.n_layer; ++i) {
      const Layer& layer = weights.layers[static_cast<size_t>(i)];
      const auto specs = layer_matrices(kConfig, i);
      for (size_t m = 0; m < specs.size(); ++m) copy.put(specs[m], *layer.matrices()[m]);
      const std::string ln_1 = layer_tensor_name(i, "ln_1");
      copy.put(ln_1 + ".weight", layer.ln_1.weight.span());
      copy.put(ln_1 + ".bias", layer.ln_1.bias.span());
    }
    copy.put(head_matrix(kConfig), weights.lm_head);
    return copy;
  }

  Model load(WeightType type) const {
    const TempFolder folder;
    write(folder);
    return Model::load(folder.path(), {.weights = type, .kv_cache = WeightType::kF32});
  }

  // Packed from the source that `smooth` makes of this one.
  template <class Smooth>
  Model load(WeightType type, const Smooth& smooth) const {
    const TempFolder folder;
    write(folder);
    const auto source = smooth(
        checkpoint_source(std::make_shared<const Checkpoint>(Checkpoint::open(folder.path()))));
    const std::shared_ptr<Model::State> state(new Model::State{.name = "test",
                                                               .config = kConfig,
                                                               .generation_defaults = {},
                                                               .tokenizer = {},
                                                               .weight_type = type,
                                                               .packing = packing_of(type, {}),
                                                               .kv_cache_type = WeightType::kF32,
                                                               .kernels = select_kernels(""),
                                                               .pool = ThreadPool(0),
                                                               .rotary = RotaryTable(kConfig),
                                                               .weights = {}});
    state->weights = load_weights(*source, state->packing, state->kernels, state->pool, {});
    return Model(state);
  }

 private:
  void write(const TempFolder& folder) const {
    folder.write("config.json", kConfigJson);
    folder.write("model.safetensors", test::safetensors_file(tensors_));
  }

  // Six outputs of the tensor last added, `width` floats each.
  void raise(size_t width) {
    auto* values = reinterpret_cast<float*>(tensors_.back().bytes.data());
    for (const size_t channel : kChannels) {
      for (size_t i = 0; i < width; ++i) values[channel * width + i] *= kGain;
    }
  }

  void put(const std::string& name, std::span<const float> values) {
    for (TestTensor& tensor : tensors_) {
      if (tensor.name == name) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
    }
  }

  void put(const MatrixSpec& spec, const PackedMatrix& m) {
    const std::vector<float> values = test::weights_of(m);
    const size_t part = values.size() / spec.weights.size();
    for (size_t i = 0; i < spec.weights.size(); ++i) {
      put(spec.weights[i], std::span(values).subspan(i * part, part));
    }
  }

  std::vector<TestTensor> tensors_;
};

std::vector<TokenId> random_ids(uint64_t n) {
  std::vector<TokenId> ids;
  for (uint64_t i = 0; i < n; ++i) {
    ids.push_back(static_cast<TokenId>(random_bits(3, 0, i) % 512));
  }
  return ids;
}

double mean_kl(const Model& model, const Model& reference) {
  return fidelity(model, reference, random_ids(256)).mean_kl;
}

using Source = std::unique_ptr<WeightSource>;
Source as_it_is(Source source) { return source; }
Source smoothed(Source source) { return smoothed_source(std::move(source), Element::kInt8); }

constexpr const char* kNames[] = {"none", "ln_1", "fc_out", "ln_1 and fc_out"};

TEST(Outliers, CostQuantizedModelsLittleMoreThanTheirWeightsDo) {
  for (const int outliers : {kOfLn1, kOfFcOut, kOfBoth}) {
    SCOPED_TRACE(kNames[outliers]);
    const RandomModel model(outliers);
    const Model exact = model.load(WeightType::kF32), int4 = model.load(WeightType::kInt4);
    const double of_int8 = mean_kl(model.load(WeightType::kInt8), exact);
    const double of_int4 = mean_kl(int4, exact);
    const double of_its_weights =
        mean_kl(model.with_weights_of(int4).load(WeightType::kF32), exact);
    const double unsmoothed = mean_kl(model.load(WeightType::kInt8, as_it_is), exact);
    std::printf("%s: mean KL int4 %.3g, its weights alone %.3g; int8 %.3g, unsmoothed %.3g\n",
                kNames[outliers], of_int4, of_its_weights, of_int8, unsmoothed);
    EXPECT_LE(of_int4, 1.1 * of_its_weights);
    EXPECT_LE(of_int8, 0.1 * of_int4);
    EXPECT_LE(of_int8, unsmoothed);
  }
}

std::vector<float> last_logits(const Model& model) {
  Session session(model);
  return test::forward(session, test::rows_of(random_ids(9), session.add_sequence(), 0)).back();
}

TEST(Smoothing, ChangesNoBitWhereNothingIsRounded) {
  for (const int outliers : {kNone, kOfLn1}) {
    const RandomModel model(outliers);
    const Model plain = model.load(WeightType::kF32, as_it_is);
    const Model smooth = model.load(WeightType::kF32, smoothed);
    EXPECT_EQ(last_logits(plain), last_logits(smooth));
    const auto gains = [](const Model& m) {
      return m.state().weights.layers[1].ln_1.weight.span();
    };
    EXPECT_EQ(std::ranges::equal(gains(plain), gains(smooth)), outliers == kNone);
  }
}

}  // namespace
}  // namespace gptj
