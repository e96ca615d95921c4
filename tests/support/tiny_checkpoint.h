// SPDX-License-Identifier: Apache-2.0
// The smallest GPT-J folder, as a starting point for tests to damage.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "checkpoint/tensor_names.h"
#include "support/safetensors_writer.h"
#include "support/temp_folder.h"

namespace gptj::test {

struct TinyCheckpoint {
  nlohmann::json config = {{"model_type", "gptj"}, {"vocab_size", 7}, {"n_positions", 8},
                           {"n_embd", 4},          {"n_layer", 2},    {"n_head", 2},
                           {"rotary_dim", 2},      {"n_inner", 3},    {"bos_token_id", 0},
                           {"eos_token_id", 6}};
  std::vector<TestTensor> tensors;  // named as Hugging Face names them

  explicit TinyCheckpoint(DType type = DType::kF16) {
    const ModelConfig sizes = {.vocab_size = 7,
                               .n_positions = 8,
                               .n_embd = 4,
                               .n_layer = 2,
                               .n_head = 2,
                               .rotary_dim = 2,
                               .n_inner = 3};
    for (const TensorSpec& spec : tensor_specs(sizes)) {
      const std::string prefix = is_lm_head(spec.name) ? "" : "transformer.";
      tensors.push_back(counting_tensor(prefix + spec.name, type, spec.shape));
    }
  }

  TestTensor& tensor(const std::string& name) {
    for (TestTensor& each : tensors) {
      if (each.name == name) return each;
    }
    throw std::out_of_range(name);
  }
  void add(const std::string& name, DType type, const std::vector<uint64_t>& shape) {
    tensors.push_back(counting_tensor(name, type, shape));
  }
  void replace(const std::string& name, DType type, const std::vector<uint64_t>& shape) {
    tensor(name) = counting_tensor(name, type, shape);
  }
  void remove(const std::string& name) {
    tensor(name);  // throws when it is not there
    std::erase_if(tensors, [&](const TestTensor& each) { return each.name == name; });
  }

  void write(const TempFolder& folder) const {
    folder.write("config.json", config.dump());
    folder.write("model.safetensors", safetensors_file(tensors));
  }
};

}  // namespace gptj::test
