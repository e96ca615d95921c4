// SPDX-License-Identifier: Apache-2.0
// The tensors of a GPT-J by their Hugging Face names without the prefix "transformer.": the
// canonical names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gptj/checkpoint.h"

namespace gptj {

struct TensorSpec {
  std::string name;
  std::vector<uint64_t> shape;  // of a matrix: [out, in]
};

uint64_t elements(const TensorSpec& spec);

// Every tensor, in the order of the forward pass.
std::vector<TensorSpec> tensor_specs(const ModelConfig& config);

// "h.3.ln_1.weight" for (3, "ln_1.weight")
std::string layer_tensor_name(int64_t layer, std::string_view part);

std::string canonical_name(std::string_view name);

// Whether older versions of transformers saved this beside the weights: causal masks and sinusoids.
bool is_ignorable_buffer(std::string_view canonical);

bool is_embedding(std::string_view canonical);
bool is_lm_head(std::string_view canonical);

}  // namespace gptj
