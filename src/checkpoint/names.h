// SPDX-License-Identifier: Apache-2.0
// The tensors of a GPT-J by their Hugging Face names without prefixes: the canonical names.
#pragma once

#include <cstdint>
#include <optional>
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

// Removes the prefixes that wrappers add, as "transformer.", "module." and "_orig_mod.", in any
// order and number.
std::string canonical_name(std::string_view name);

// Returns GPT-J's name of a tensor that a rotary GPT-Neo has under its own, as
// "h.0.mlp.c_fc.weight"; nothing for its masks and tables, which the config decides.
std::optional<std::string> neo_to_gptj_name(std::string_view name);

// Returns whether older versions of transformers saved this tensor beside the weights: causal masks
// and sinusoids, which are functions of the config.
bool is_ignorable_buffer(std::string_view canonical);
// Returns whether the tensor belongs to a value or reward head, which training puts beside lm_head.
bool is_training_head(std::string_view canonical);
// Returns whether the tensor is a table of rotary frequencies or angles, which the config decides.
bool is_rotary_buffer(std::string_view canonical);

bool is_embedding(std::string_view canonical);
bool is_lm_head(std::string_view canonical);

}  // namespace gptj
