// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "base/check.h"
#include "gptj/bench.h"

namespace gptj {
namespace {

struct Shape {
  const char* name;
  ModelConfig config;
};

const Shape kShapes[] = {{"gpt-j-6b",
                          {.vocab_size = 50400,
                           .n_positions = 2048,
                           .n_embd = 4096,
                           .n_layer = 28,
                           .n_head = 16,
                           .rotary_dim = 64,
                           .n_inner = 16384,
                           .bos_token_id = 50256,
                           .eos_token_ids = {50256}}},
                         {"small-1gb",
                          {.vocab_size = 8192,
                           .n_positions = 2048,
                           .n_embd = 1024,
                           .n_layer = 20,
                           .n_head = 16,
                           .rotary_dim = 64,
                           .n_inner = 4096,
                           .bos_token_id = 0,
                           .eos_token_ids = {0}}}};

}  // namespace

ModelConfig bench_shape(const std::string& name, int64_t layers) {
  std::vector<std::string> names;
  for (const Shape& shape : kShapes) {
    if (name == shape.name) {
      ModelConfig config = shape.config;
      check_param(0 <= layers && layers <= 1024, "layers", "expected 1 to 1024, found ", layers);
      if (layers > 0) config.n_layer = layers;
      return config;
    }
    names.push_back(shape.name);
  }
  fail(ErrorCode::kInvalidArgument,
       concat("synthetic: expected ", choice(names), ", found \"", name, "\""), "synthetic");
}

}  // namespace gptj
