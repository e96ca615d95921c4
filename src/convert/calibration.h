// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "convert/second_moments.h"
#include "engine/forward.h"
#include "engine/rotary.h"
#include "gptj/tokenizer.h"
#include "weights/weights.h"

namespace gptj {

// Quantizes layers for what a text makes of their inputs. It runs the text through the model layer
// by layer: each layer's inputs are what the quantized layers before it produce, and its matrices
// are rounded with feedback (rounding.h) against those inputs' second moments. Only one layer is
// in memory, and the residual stream of the whole text.
class Calibration {
 public:
  // Called for every window of the text that went through a layer, and for all that was rounded by
  // the same moments; may throw to stop.
  using Step = std::function<void()>;

  Calibration(const ModelConfig& config, const Packing& packing, const KernelTable& kernels,
              ThreadPool& pool, const Embedding& wte, std::span<const TokenId> ids, Step step);

  // Layers ascending, then the head. `exact` holds f32.
  Layer layer(int64_t index, Layer exact);
  PackedMatrix head(const LayerNorm& final_norm, PackedMatrix exact);

  // How often `step` is called in all.
  static uint64_t steps(const ModelConfig& config, size_t tokens);
  // Bytes that a calibration of so many tokens takes at its height.
  static uint64_t bytes(const ModelConfig& config, size_t tokens);

 private:
  template <class Function>
  void run(const Layer& layer, const Function& done);
  PackedMatrix quantized(const MatrixSpec& spec, PackedMatrix exact, const UpperFactor& factor);

  ModelConfig config_;
  Packing packing_;
  const KernelTable& kernels_;
  ThreadPool& pool_;
  RotaryTable rotary_;
  std::vector<TokenId> ids_;
  Step step_;
  Engine engine_;
  Scratch scratch_;
  Matrix x_;  // the residual stream of every token
};

}  // namespace gptj
