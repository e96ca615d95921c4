// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <algorithm>
#include <cmath>

#include "model/field_reader.h"

namespace gptj {
namespace {

struct SizeField {
  const char* name;
  int64_t ModelConfig::*member;
  int64_t max;  // far above any model, and low enough that no product of two overflows
};
constexpr SizeField kSizes[] = {
    {"vocab_size", &ModelConfig::vocab_size, int64_t{1} << 24},
    {"n_positions", &ModelConfig::n_positions, int64_t{1} << 20},
    {"n_embd", &ModelConfig::n_embd, int64_t{1} << 16},
    {"n_layer", &ModelConfig::n_layer, 1024},
    {"n_head", &ModelConfig::n_head, 4096},
};
constexpr SizeField kInner = {"n_inner", &ModelConfig::n_inner, int64_t{1} << 20};

// All three are 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
constexpr const char* kActivations[] = {"gelu_new", "gelu_pytorch_tanh", "gelu_fast"};

constexpr const char* kNoRotary =
    "; without it Hugging Face's rotary tables are as wide as the whole model and fit no head";

// Hugging Face's GPTJConfig has this id where the file has no such field (null means none).
constexpr int64_t kDefaultTokenId = 50256;

void check_model_type(const FieldReader& json) {
  const std::string type = json.string("model_type").value_or("");
  const std::vector<std::string> architectures = json.strings("architectures");
  const auto is_gptj = [](const std::string& name) { return name.starts_with("GPTJ"); };
  if (type == "gptj" || type == "codegen") return;
  if (type.empty() &&
      (architectures.empty() || std::any_of(architectures.begin(), architectures.end(), is_gptj))) {
    return;  // hand-made; if it is no GPT-J, the fields to come will tell
  }
  fail(ErrorCode::kUnsupported,
       concat(json.file(), ": expected a GPT-J model (model_type \"gptj\"), found ",
              json.found(type.empty() ? "architectures" : "model_type")));
}

void check_weights_are_untied(const FieldReader& json) {
  check(!json.boolean("tie_word_embeddings").value_or(false), ErrorCode::kUnsupported, json.file(),
        ": tie_word_embeddings: expected false, found true; GPT-J's lm_head is a matrix of its own "
        "with a bias, and this engine reads it from the file");
}

void check_activation(const FieldReader& json) {
  const std::string name = json.string("activation_function").value_or(kActivations[0]);
  check(std::find(std::begin(kActivations), std::end(kActivations), name) != std::end(kActivations),
        ErrorCode::kUnsupported, json.file(),
        ": activation_function: expected \"gelu_new\", found ", json.found("activation_function"));
}

int64_t required(const FieldReader& json, const SizeField& field) {
  const auto value = json.integer(field.name, 1, field.max);
  json.expect(value.has_value(), field.name, concat("a whole number from 1 to ", field.max));
  return *value;
}

int64_t rotary_dim(const FieldReader& json) {
  json.expect(json.has("rotary_dim") && json.found("rotary_dim") != "0", "rotary_dim",
              concat("the number of rotated dimensions of a head", kNoRotary));
  return *json.integer("rotary_dim", 2, int64_t{1} << 16);
}

std::vector<int64_t> token_ids_or_default(const FieldReader& json, const char* field,
                                          int64_t vocab_size) {
  if (json.contains(field) || vocab_size <= kDefaultTokenId) return json.token_ids(field);
  return {kDefaultTokenId};
}

}  // namespace

ModelConfig parse_config(std::string_view text, const std::string& file) {
  const FieldReader json(text, file);
  check_model_type(json);
  check_weights_are_untied(json);
  check_activation(json);

  ModelConfig config;
  for (const SizeField& size : kSizes) config.*size.member = required(json, size);
  config.n_inner = json.integer(kInner.name, 1, kInner.max).value_or(4 * config.n_embd);
  config.rotary_dim = rotary_dim(json);
  config.layer_norm_epsilon =
      static_cast<float>(json.number("layer_norm_epsilon", kPositive).value_or(1e-5));
  const auto bos = token_ids_or_default(json, "bos_token_id", config.vocab_size);
  json.expect(bos.size() <= 1, "bos_token_id", "one token id");
  if (!bos.empty()) config.bos_token_id = bos[0];
  config.eos_token_ids = token_ids_or_default(json, "eos_token_id", config.vocab_size);
  check_config(config, ErrorCode::kBadFile, file);
  return config;
}

std::string config_json(const ModelConfig& config) {
  nlohmann::ordered_json json;
  json["architectures"] = {"GPTJForCausalLM"};
  json["model_type"] = "gptj";
  for (const SizeField& size : kSizes) json[size.name] = config.*size.member;
  json[kInner.name] = config.n_inner;
  json["rotary_dim"] = config.rotary_dim;
  json["activation_function"] = kActivations[0];
  json["layer_norm_epsilon"] = config.layer_norm_epsilon;
  json["bos_token_id"] = nullptr;
  if (config.bos_token_id) json["bos_token_id"] = *config.bos_token_id;
  json["eos_token_id"] = config.eos_token_ids;
  json["tie_word_embeddings"] = false;
  return dump_text(json);
}

void check_config(const ModelConfig& config, ErrorCode code, const std::string& where) {
  const auto check_size = [&](const SizeField& size) {
    const int64_t value = config.*size.member;
    check(value >= 1 && value <= size.max, code, where, ": ", size.name,
          ": expected a whole number from 1 to ", size.max, ", found ", value);
  };
  std::for_each(std::begin(kSizes), std::end(kSizes), check_size);
  check_size(kInner);
  check(config.n_embd % config.n_head == 0, code, where,
        ": n_embd: expected a multiple of n_head (", config.n_head, "), found ", config.n_embd);
  check(config.rotary_dim >= 2 && config.rotary_dim <= config.head_dim() &&
            config.rotary_dim % 2 == 0,
        code, where, ": rotary_dim: expected an even number from 2 to ", config.head_dim(),
        " (n_embd / n_head), found ", config.rotary_dim);
  check(std::isfinite(config.layer_norm_epsilon) && config.layer_norm_epsilon > 0, code, where,
        ": layer_norm_epsilon: expected a number above 0 and within the range of f32, found ",
        config.layer_norm_epsilon);
}

void adopt_end_of_text(ModelConfig& config) {
  constexpr int64_t kEndOfText = 50256;
  if (config.vocab_size <= kEndOfText) return;
  config.bos_token_id = kEndOfText;
  config.eos_token_ids = {kEndOfText};
}

void check_token_ids(const std::optional<int64_t>& bos, const std::vector<int64_t>& eos,
                     int64_t vocab_size, const std::string& file) {
  const auto check_id = [&](const char* field, int64_t id) {
    check(id >= 0 && id < vocab_size, ErrorCode::kBadFile, file, ": ", field,
          ": expected a token id below the vocabulary's ", vocab_size, " rows, found ", id);
  };
  if (bos) check_id("bos_token_id", *bos);
  for (const int64_t id : eos) check_id("eos_token_id", id);
}

}  // namespace gptj
