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
  std::vector<uint64_t> shape;  // for a matrix: [out, in]
};

// Returns the number of elements.
uint64_t elements(const TensorSpec& spec);

// Returns the name and shape of every tensor, in the order of the forward pass.
std::vector<TensorSpec> tensor_specs(const ModelConfig& config);

// Returns "h.3.ln_1.weight" for (3, "ln_1.weight").
std::string layer_tensor_name(int64_t layer, std::string_view part);

// Returns the name without the prefixes that wrappers add, as "transformer.", "module." and
// "_orig_mod.", in any order and number.
std::string canonical_name(std::string_view name);

// Returns the GPT-J name of a tensor of a rotary GPT-Neo, such as "h.0.mlp.c_fc.weight"; empty for
// its masks and tables, because the config determines them.
std::optional<std::string> neo_to_gptj_name(std::string_view name);

// Returns whether the tensor is a causal mask or a table of sinusoids, which older versions of
// transformers saved beside the weights and which follow from the config.
bool is_ignorable_buffer(std::string_view canonical);
// Returns whether the tensor belongs to a value or reward head, which training puts beside lm_head.
bool is_training_head(std::string_view canonical);
// Returns whether the tensor is a table of rotary frequencies or angles, which the config decides.
bool is_rotary_buffer(std::string_view canonical);

bool is_embedding(std::string_view canonical);
bool is_lm_head(std::string_view canonical);

}  // namespace gptj
