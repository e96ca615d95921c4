// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/tensor_names.h"

#include <gtest/gtest.h>

namespace gptj::test {
namespace {

const ModelConfig k6B = {.vocab_size = 50400,
                         .n_positions = 2048,
                         .n_embd = 4096,
                         .n_layer = 28,
                         .n_head = 16,
                         .rotary_dim = 64,
                         .n_inner = 16384};

TEST(Names, The6BHas285TensorsAndItsPublishedParameters) {
  const auto specs = tensor_specs(k6B);
  EXPECT_EQ(specs.size(), 285u);
  uint64_t parameters = 0;
  for (const TensorSpec& spec : specs) {
    uint64_t elements = 1;
    for (const uint64_t extent : spec.shape) elements *= extent;
    parameters += elements;
  }
  EXPECT_EQ(parameters, 6'050'882'784u);
}

TEST(Names, ShapesAreOutByIn) {
  const auto shape = [](const std::string& name) {
    for (const TensorSpec& spec : tensor_specs(k6B)) {
      if (spec.name == name) return spec.shape;
    }
    return std::vector<uint64_t>{};
  };
  using Shape = std::vector<uint64_t>;
  EXPECT_EQ(shape("wte.weight"), (Shape{50400, 4096}));
  EXPECT_EQ(shape("h.27.attn.out_proj.weight"), (Shape{4096, 4096}));
  EXPECT_EQ(shape("h.0.mlp.fc_in.weight"), (Shape{16384, 4096}));
  EXPECT_EQ(shape("h.0.mlp.fc_in.bias"), (Shape{16384}));
  EXPECT_EQ(shape("h.0.mlp.fc_out.weight"), (Shape{4096, 16384}));
  EXPECT_EQ(shape("h.0.mlp.fc_out.bias"), (Shape{4096}));
  EXPECT_EQ(shape("ln_f.bias"), (Shape{4096}));
  EXPECT_EQ(shape("lm_head.bias"), (Shape{50400}));
}

TEST(Names, Canonical) {
  EXPECT_EQ(canonical_name("transformer.h.3.ln_1.weight"), layer_tensor_name(3, "ln_1.weight"));
  EXPECT_EQ(canonical_name("lm_head.bias"), "lm_head.bias");
  EXPECT_EQ(canonical_name("wte.weight"), "wte.weight");
  for (const char* wrapped :
       {"module.transformer.wte.weight", "_orig_mod.transformer.wte.weight",
        "_orig_mod.module.transformer.wte.weight", "module._orig_mod.transformer.wte.weight",
        "base_model.transformer.wte.weight", "transformer._orig_mod.wte.weight",
        "pretrained_model.transformer.wte.weight",
        "_forward_module.model.transformer.wte.weight"}) {
    EXPECT_EQ(canonical_name(wrapped), "wte.weight") << wrapped;
  }
  EXPECT_EQ(canonical_name("my.transformer.wte.weight"), "my.transformer.wte.weight");
}

TEST(Names, OfARotaryGptNeo) {
  EXPECT_EQ(neo_to_gptj_name("transformer.h.3.attn.attention.q_proj.weight"),
            "transformer.h.3.attn.q_proj.weight");
  EXPECT_EQ(neo_to_gptj_name("transformer.h.3.mlp.c_fc.bias"), "transformer.h.3.mlp.fc_in.bias");
  EXPECT_EQ(neo_to_gptj_name("transformer.h.3.mlp.c_proj.weight"),
            "transformer.h.3.mlp.fc_out.weight");
  EXPECT_EQ(neo_to_gptj_name("transformer.ln_f.bias"), "transformer.ln_f.bias");
  for (const char* table : {"bias", "masked_bias", "scale_attn", "sin", "cos"}) {
    EXPECT_EQ(neo_to_gptj_name(std::string("transformer.h.0.attn.attention.") + table),
              std::nullopt);
  }
}

TEST(Names, HeadsOfTraining) {
  for (const char* head :
       {"v_head.summary.weight", "v_head.0.bias", "ilql_heads.q_heads.0.0.weight",
        "frozen_head.lm_head.weight", "score.weight"}) {
    EXPECT_TRUE(is_training_head(head)) << head;
  }
  for (const TensorSpec& spec : tensor_specs(k6B)) {
    EXPECT_FALSE(is_training_head(spec.name));
    EXPECT_FALSE(is_rotary_buffer(spec.name));
  }
  EXPECT_TRUE(is_rotary_buffer("h.0.attn.rotary_emb.inv_freq"));
}

TEST(Names, Buffers) {
  for (const char* buffer : {"h.0.attn.bias", "h.27.attn.masked_bias", "h.1.attn.embed_positions",
                             "embed_positions", "h.1.attn.causal_mask"}) {
    EXPECT_TRUE(is_ignorable_buffer(buffer)) << buffer;
  }
  for (const TensorSpec& spec : tensor_specs(k6B)) EXPECT_FALSE(is_ignorable_buffer(spec.name));
  EXPECT_FALSE(is_ignorable_buffer("attn.bias"));
  EXPECT_FALSE(is_ignorable_buffer("h.0.attn.q_proj.bias"));
}

}  // namespace
}  // namespace gptj::test
