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

// Quantizes layers so that they fit the inputs that a text gives them. The text runs through the
// model layer by layer: the inputs of a layer are the outputs of the quantized layers before it.
// The matrices of the layer are rounded with feedback (rounding.h) against the second moments of
// those inputs. Memory holds one layer, and the residual stream of the whole text.
class Calibration {
 public:
  // Is called for every window of the text that went through a layer, and for every group of
  // matrices that was rounded by the same moments. May throw to stop.
  using Step = std::function<void()>;

  Calibration(const ModelConfig& config, const Packing& packing, const KernelTable& kernels,
              ThreadPool& pool, const Embedding& wte, std::span<const TokenId> ids, Step step);

  // Return the quantized layer and the quantized head. `exact` holds f32. REQUIRES: layers in
  // ascending order, then the head.
  Layer layer(int64_t index, Layer exact);
  PackedMatrix head(const LayerNorm& final_norm, PackedMatrix exact);

  // Returns the number of calls of `step` in all.
  static uint64_t steps(const ModelConfig& config, size_t tokens);
  // Returns the peak memory, in bytes, of a calibration of so many tokens.
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
  Matrix x_;  // the residual stream: [tokens, n_embd]
};

}  // namespace gptj
