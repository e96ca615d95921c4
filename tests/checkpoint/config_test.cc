// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json_fields.h"
#include "support/expect_error.h"

namespace gptj::test {
namespace {

using nlohmann::json;

json small() {
  return {{"model_type", "gptj"}, {"vocab_size", 100}, {"n_positions", 64}, {"n_embd", 48},
          {"n_layer", 2},         {"n_head", 3},       {"rotary_dim", 8},   {"eos_token_id", 9}};
}

ModelConfig parse_text(const std::string& text, const std::string& file) {
  Warnings warnings;
  return parse_config({text, file}, warnings);
}
ModelConfig parse(const json& config) { return parse_text(config.dump(), "config.json"); }

template <class Value>
json with(const char* field, Value value) {
  json config = small();
  config[field] = value;
  return config;
}

template <class... Words>
void refuses(const json& config, const Words&... words) {
  expect_error(
      ErrorCode::kBadFile, [&] { parse(config); }, "config.json: ", words...);
}
template <class... Words>
void does_not_support(const json& config, const Words&... words) {
  expect_error(
      ErrorCode::kUnsupported, [&] { parse(config); }, "config.json: ", words...);
}

TEST(Config, ReadsThe6B) {
  const ModelConfig config = parse_text(R"({
    "activation_function": "gelu_new", "architectures": ["GPTJForCausalLM"], "attn_pdrop": 0.0,
    "bos_token_id": 50256, "embd_pdrop": 0.0, "eos_token_id": 50256,
    "gradient_checkpointing": false, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
    "model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_inner": null, "n_layer": 28,
    "n_positions": 2048, "resid_pdrop": 0.0, "rotary": true, "rotary_dim": 64,
    "scale_attn_weights": true, "summary_activation": null, "summary_first_dropout": 0.1,
    "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}},
    "tie_word_embeddings": false, "tokenizer_class": "GPT2Tokenizer", "use_cache": true,
    "vocab_size": 50400})",
                                        "config.json");
  EXPECT_EQ(config.vocab_size, 50400);
  EXPECT_EQ(config.n_positions, 2048);
  EXPECT_EQ(config.n_embd, 4096);
  EXPECT_EQ(config.n_layer, 28);
  EXPECT_EQ(config.n_head, 16);
  EXPECT_EQ(config.head_dim(), 256);
  EXPECT_EQ(config.rotary_dim, 64);
  EXPECT_EQ(config.n_inner, 16384);
  EXPECT_EQ(config.layer_norm_epsilon, 1e-5f);
  EXPECT_EQ(config.bos_token_id, 50256);
  EXPECT_EQ(config.eos_token_ids, std::vector<int64_t>{50256});
}

TEST(Config, HonoursGivenFields) {
  EXPECT_EQ(parse(small()).n_inner, 4 * 48);
  EXPECT_EQ(parse(with("n_inner", 200)).n_inner, 200);
  EXPECT_EQ(parse(with("layer_norm_epsilon", 1e-6)).layer_norm_epsilon, 1e-6f);
  EXPECT_EQ(parse(with("tie_word_embeddings", false)).n_embd, 48);
  for (const char* same : {"gelu_new", "gelu_pytorch_tanh", "gelu_fast"}) {
    EXPECT_EQ(parse(with("activation_function", same)).n_embd, 48);
  }
}

TEST(Config, LastOfDuplicateKeysCounts) {
  std::string text = small().dump();
  text.insert(1, R"("n_layer": 7, "welcome": "x",)");
  EXPECT_EQ(parse_text(text, "c").n_layer, 2);
}

TEST(Config, TokenIds) {
  EXPECT_EQ(parse(small()).bos_token_id, std::nullopt);
  EXPECT_EQ(parse(small()).eos_token_ids, std::vector<int64_t>{9});
  EXPECT_TRUE(parse(with("eos_token_id", nullptr)).eos_token_ids.empty());
  EXPECT_EQ(parse(with("eos_token_id", std::vector{3, 5})).eos_token_ids,
            (std::vector<int64_t>{3, 5}));
  json absent = with("vocab_size", 50257);
  absent.erase("eos_token_id");
  EXPECT_EQ(parse(absent).eos_token_ids, std::vector<int64_t>{50256});  // as GPTJConfig has it
  EXPECT_EQ(parse(absent).bos_token_id, 50256);
  absent["eos_token_id"] = nullptr;
  EXPECT_TRUE(parse(absent).eos_token_ids.empty());
  refuses(with("eos_token_id", "9"), "eos_token_id");
  refuses(with("eos_token_id", std::vector{1.5}), "eos_token_id");
  refuses(with("bos_token_id", std::vector{1, 2}), "bos_token_id: expected one token id");
  ModelConfig outside = parse(with("eos_token_id", std::vector{-1, 5, 100}));
  outside.bos_token_id = 100;
  Warnings warnings;
  drop_foreign_ids(outside, "f", warnings);
  EXPECT_EQ(outside.eos_token_ids, std::vector<int64_t>{5});
  EXPECT_EQ(outside.bos_token_id, std::nullopt);
  EXPECT_EQ(warnings.size(), 3u);
  EXPECT_EQ(warnings[0],
            "f: bos_token_id: expected a token id below the vocabulary's 100 rows, found 100; it "
            "never comes");
}

// An empty config.json is GPT-J-6B's.
TEST(Config, AbsentFieldsHaveTheDefaultsOfGPTJConfig) {
  const ModelConfig config = parse(json::object());
  EXPECT_EQ(config.vocab_size, 50400);
  EXPECT_EQ(config.n_positions, 2048);
  EXPECT_EQ(config.n_embd, 4096);
  EXPECT_EQ(config.n_layer, 28);
  EXPECT_EQ(config.n_head, 16);
  EXPECT_EQ(config.rotary_dim, 64);
  EXPECT_EQ(config.n_inner, 16384);
  EXPECT_EQ(config.layer_norm_epsilon, 1e-5f);
  EXPECT_EQ(config.bos_token_id, 50256);
  EXPECT_EQ(config.eos_token_ids, std::vector<int64_t>{50256});
}

TEST(Config, AliasesAreUnderstoodAndCountFirst) {
  json aliased = small();
  for (const auto& [name, alias] :
       {std::pair{"n_positions", "max_position_embeddings"}, std::pair{"n_embd", "hidden_size"},
        std::pair{"n_layer", "num_hidden_layers"}, std::pair{"n_head", "num_attention_heads"}}) {
    aliased[alias] = aliased[name];
    aliased.erase(name);
  }
  EXPECT_EQ(config_json(parse(aliased)), config_json(parse(small())));
  Warnings warnings;
  json both = with("num_hidden_layers", 3);
  EXPECT_EQ(parse_config({both.dump(), "c"}, warnings).n_layer, 3);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0], "c: n_layer is 2 and num_hidden_layers is 3, which counts");
  both["num_hidden_layers"] = 2;
  warnings.clear();
  EXPECT_EQ(parse_config({both.dump(), "c"}, warnings).n_layer, 2);
  EXPECT_TRUE(warnings.empty());
  refuses(with("hidden_size", 0), "hidden_size: expected a whole number from 1");
}

TEST(Config, ModelTypes) {
  json untyped = small();
  untyped.erase("model_type");
  EXPECT_EQ(parse(untyped).n_embd, 48);
  untyped["architectures"] = {"GPTJForCausalLM"};
  EXPECT_EQ(parse(untyped).n_embd, 48);
  untyped["architectures"] = {"LlamaForCausalLM"};
  does_not_support(untyped, "expected a GPT-J model", "[\"LlamaForCausalLM\"]");
  does_not_support(with("model_type", "llama"), "found \"llama\"");
  EXPECT_EQ(parse(with("model_type", "codegen")).n_embd, 48);
  refuses(with("model_type", 7), "model_type: expected a string, found 7");
  refuses(with("architectures", "GPTJ"), "architectures: expected a list of strings");
}

TEST(Config, EverySizeIsInRange) {
  for (const char* field : {"vocab_size", "n_positions", "n_embd", "n_layer", "n_head"}) {
    refuses(with(field, nullptr), field, "found null");
    for (const json& bad : {json(0), json(-1), json(1.0), json("8"), json(true), json(1ull << 63),
                            json(~0ull), json(int64_t{1} << 40), json({1})}) {
      refuses(with(field, bad), field, ": expected a whole number from 1 to ",
              "found " + bad.dump());
    }
  }
  refuses(with("n_inner", 0), "n_inner", "found 0");
  refuses(with("n_inner", (1 << 20) + 1), "n_inner: expected a whole number from 1 to 1048576");
}

TEST(Config, SizesFitTogether) {
  refuses(with("n_head", 5), "n_embd: expected a multiple of n_head (5), found 48");
  for (const json& none : {json(nullptr), json(0)}) {
    refuses(with("rotary_dim", none), "rotary_dim", "fit no head", "found " + none.dump());
  }
  json absent = small();
  absent.erase("rotary_dim");  // 64, which no head of 16 has
  refuses(absent, "rotary_dim: expected an even number from 2 to 16", "found 64");
  refuses(with("rotary_dim", 7), "rotary_dim: expected an even number from 2 to 16", "found 7");
  refuses(with("rotary_dim", 18), "rotary_dim: expected an even number from 2 to 16", "found 18");
  refuses(with("rotary_dim", 64), "rotary_dim", "found 64");
  refuses(with("rotary_dim", -2), "rotary_dim: expected a whole number from 2", "found -2");
  EXPECT_EQ(parse(with("rotary_dim", 16)).rotary_dim, 16);
}

TEST(Config, Epsilon) {
  for (const json& bad : {json(0), json(-1e-5), json("1e-5"), json(true)}) {
    refuses(with("layer_norm_epsilon", bad), "layer_norm_epsilon: expected a number above 0");
  }
  refuses(with("layer_norm_epsilon", 1e-60), "within the range of f32");
  refuses(with("layer_norm_epsilon", 1e60), "within the range of f32");
  std::string text = small().dump();
  text.insert(1, R"("layer_norm_epsilon": 1e999,)");
  expect_error(
      ErrorCode::kBadFile, [&] { parse_text(text, "c"); }, "c: not valid JSON");
}

TEST(Config, RefusesWhatItWouldRunWrongly) {
  does_not_support(with("activation_function", "gelu"), "activation_function", "found \"gelu\"");
  does_not_support(with("activation_function", "relu"), "found \"relu\"");
  refuses(with("activation_function", 1), "activation_function: expected a string");
  EXPECT_TRUE(has_tied_head({with("tie_word_embeddings", true).dump(), "c"}));
  EXPECT_FALSE(has_tied_head({small().dump(), "c"}));
  expect_error(
      ErrorCode::kBadFile,
      [] {
        has_tied_head({R"({"tie_word_embeddings": "no"})", "c"});
      },
      "c: tie_word_embeddings: expected true or false");
}

TEST(Config, RefusesWhatIsNoConfig) {
  const auto refuses_text = [](const std::string& text, const char* word) {
    expect_error(
        ErrorCode::kBadFile, [&] { parse_text(text, "c"); }, "c: ", word);
  };
  refuses_text("", "not valid JSON");
  refuses_text("[]", "expected a JSON object, found []");
  refuses_text("{} {}", "not valid JSON");
  refuses_text("version https://git-lfs.github.com/spec/v1", "git lfs pull");
  refuses_text(std::string(4096, '\0'), "byte 0 is zero");
  refuses_text("{\"a\":" + std::string(100'000, '['), "nested deeper");
}

TEST(Config, MemberChecksNameTheField) {
  ModelConfig config = parse(small());
  config.n_layer = -2;
  expect_error(
      ErrorCode::kInvalidArgument,
      [&] { check_config(config, ErrorCode::kInvalidArgument, "config"); }, "config: n_layer",
      "found -2");
}

TEST(Config, DamageIsRefusedOrGivesAValidConfig) {
  const std::string whole = small().dump();
  const auto parses = [](const std::string& text) {
    finishes([&] { check_config(parse_text(text, "c"), ErrorCode::kInvalidArgument, "c"); });
  };
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(finishes([&] { parse_text(whole.substr(0, size), "c"); })) << size;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(byte);
      parses(damaged);
    }
  }
}

}  // namespace
}  // namespace gptj::test
