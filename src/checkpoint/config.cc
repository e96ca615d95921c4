// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/config.h"

#include <algorithm>
#include <cmath>

#include "base/json_fields.h"
#include "checkpoint/known_fields.h"

namespace gptj {
namespace {

struct SizeField {
  const char* name;
  int64_t ModelConfig::*member;
  int64_t max;         // far above any model, and low enough that no product of two overflows
  int64_t by_default;  // the default of GPTJConfig
  std::vector<const char*> aliases;  // from GPTJConfig's attribute_map, and GPT-Neo's names
};
const SizeField kSizes[] = {
    {"vocab_size", &ModelConfig::vocab_size, int64_t{1} << 24, 50400, {}},
    {"n_positions", &ModelConfig::n_positions, int64_t{1} << 20, 2048, {"max_position_embeddings"}},
    {"n_embd", &ModelConfig::n_embd, int64_t{1} << 16, 4096, {"hidden_size"}},
    {"n_layer", &ModelConfig::n_layer, 1024, 28, {"num_hidden_layers", "num_layers"}},
    {"n_head", &ModelConfig::n_head, 4096, 16, {"num_attention_heads", "num_heads"}},
};
const SizeField kInner = {
    "n_inner", &ModelConfig::n_inner, int64_t{1} << 20, 0, {"intermediate_size"}};
constexpr int64_t kDefaultRotaryDim = 64;

// Three names of one function: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
constexpr const char* kActivations[] = {"gelu_new", "gelu_pytorch_tanh", "gelu_fast"};

constexpr const char* kNoRotary =
    "; without it Hugging Face's rotary tables are as wide as the whole model and fit no head";

// The id that Hugging Face's GPTJConfig uses for a missing field. A field that is null means no id.
constexpr int64_t kDefaultTokenId = 50256;

// Returns whether this is a GPT-J as people published it before transformers had its class: a
// GPT-Neo with rotary embeddings and, under the name "jax", one LayerNorm for both branches
// (finetuneanon's fork of June 2021).
bool is_neo(const FieldReader& json) { return json.string("model_type").value_or("") == "gpt_neo"; }

void check_neo(const FieldReader& json) {
  for (const char* field : {"rotary", "jax"}) {
    check(json.boolean(field).value_or(false), ErrorCode::kUnsupported, json.file(), ": ", field,
          ": expected true, found ", json.found(field),
          "; a GPT-Neo is a GPT-J only with rotary and jax, this is another model");
  }
  for (const std::string& kind : json.strings("attention_layers")) {
    check(kind == "global", ErrorCode::kUnsupported, json.file(),
          ": attention_layers: expected \"global\" in all, as in GPT-J, found ",
          lazy_excerpt(kind));
  }
}

void check_model_type(const FieldReader& json) {
  const std::string type = json.string("model_type").value_or("");
  const std::vector<std::string> architectures = json.strings("architectures");
  const auto is_gptj = [](const std::string& name) { return name.starts_with("GPTJ"); };
  if (type == "gptj" || type == "codegen") return;
  if (is_neo(json)) return check_neo(json);
  if (type.empty() &&
      (architectures.empty() || std::any_of(architectures.begin(), architectures.end(), is_gptj))) {
    return;  // a hand-made file; if it is no GPT-J, later checks will say so
  }
  fail(ErrorCode::kUnsupported,
       concat(json.file(), ": expected a GPT-J model (model_type \"gptj\"), found ",
              json.found(type.empty() ? "architectures" : "model_type")));
}

void check_activation(const FieldReader& json) {
  const std::string name = json.string("activation_function").value_or(kActivations[0]);
  check(std::find(std::begin(kActivations), std::end(kActivations), name) != std::end(kActivations),
        ErrorCode::kUnsupported, json.file(),
        ": activation_function: expected \"gelu_new\", found ", json.found("activation_function"));
}

// Returns the value of the alias, if the file has one, because in transformers it counts before the
// field; else that of the field; else GPTJConfig's default. Warns if both are there and differ.
int64_t size_of(const FieldReader& json, const SizeField& field, Warnings& warnings) {
  const char* name = field.name;
  for (const char* alias : field.aliases) {
    if (!json.has(alias)) continue;
    if (json.has(name) && json.found(name) != json.found(alias)) {
      warnings.push_back(concat(json.file(), ": ", name, " is ", json.found(name), " and ", alias,
                                " is ", json.found(alias), ", which counts"));
    }
    name = alias;
  }
  if (!json.contains(name)) return field.by_default;
  const auto value = json.integer(name, 1, field.max);
  json.expect(value.has_value(), name, concat("a whole number from 1 to ", field.max));
  return *value;
}

int64_t inner_of(const FieldReader& json, const ModelConfig& config) {
  const char* alias = kInner.aliases[0];
  const char* name = json.has(alias) && !json.has(kInner.name) ? alias : kInner.name;
  return json.integer(name, 1, kInner.max).value_or(4 * config.n_embd);
}

int64_t rotary_dim(const FieldReader& json, int64_t head_dim) {
  if (is_neo(json) && !json.has("rotary_dim")) return head_dim;
  if (!json.contains("rotary_dim")) return kDefaultRotaryDim;
  json.expect(json.has("rotary_dim") && json.found("rotary_dim") != "0", "rotary_dim",
              concat("the number of rotated dimensions of a head", kNoRotary));
  return *json.integer("rotary_dim", 2, int64_t{1} << 16);
}

// Returns the ids of the field, or the default id if the file has no such field. A default outside
// a small vocabulary is left out, because the file does not ask for it.
std::vector<int64_t> token_ids_or_default(const FieldReader& json, const char* field,
                                          int64_t vocab_size) {
  if (json.contains(field) || vocab_size <= kDefaultTokenId) return json.token_ids(field);
  return {kDefaultTokenId};
}

// Warns of fields that are neither a size of the model nor a setting of generation;
// parse_generation_defaults() warns of the settings.
void warn_of_config_fields(const FieldReader& json, Warnings& warnings) {
  std::vector<KnownField> known(kConfigFields.begin(), kConfigFields.end());
  for (const KnownField& setting : kGenerationFields) {
    if (find_field(kConfigFields, setting.name) != nullptr) continue;
    known.push_back({setting.name, FieldEffect::kNone});  // parse_generation_defaults() warns of it
  }
  warn_of_fields(json, known, warnings);
}

}  // namespace

ModelConfig parse_config(const FieldReader& json, Warnings& warnings) {
  check_model_type(json);
  check_activation(json);

  ModelConfig config;
  for (const SizeField& size : kSizes) config.*size.member = size_of(json, size, warnings);
  config.n_inner = inner_of(json, config);
  config.rotary_dim = rotary_dim(json, config.head_dim());
  config.layer_norm_epsilon =
      static_cast<float>(json.number("layer_norm_epsilon", kPositive).value_or(1e-5));
  const auto bos = token_ids_or_default(json, "bos_token_id", config.vocab_size);
  json.expect(bos.size() <= 1, "bos_token_id", "one token id");
  if (!bos.empty()) config.bos_token_id = bos[0];
  config.eos_token_ids = token_ids_or_default(json, "eos_token_id", config.vocab_size);
  check_config(config, ErrorCode::kBadFile, json.file());
  warn_of_config_fields(json, warnings);
  return config;
}

bool has_tied_head(const FieldReader& config) {
  return !is_neo(config) && config.boolean("tie_word_embeddings").value_or(false);
}

bool has_neo_names(const FieldReader& config) { return is_neo(config); }

std::string settings_in_config(const FieldReader& config) {
  Json settings = Json::object();
  for (const auto& [name, value] : config.object().items()) {
    const KnownField* setting = find_field(kGenerationFields, name);
    if (setting == nullptr || setting->effect == FieldEffect::kNone) continue;
    // parse_config() reads bos and end ids, which are fields of config.json.
    if (find_field(kConfigFields, name) == nullptr) settings[name] = value;
  }
  return settings.empty() ? std::string() : settings.dump();
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

void drop_foreign_ids(ModelConfig& config, const std::string& file, Warnings& warnings) {
  const auto is_foreign = [&](int64_t id) { return id < 0 || id >= config.vocab_size; };
  const auto tell = [&](const char* field, int64_t id) {
    warnings.push_back(concat(file, ": ", field, ": expected a token id below the vocabulary's ",
                              config.vocab_size, " rows, found ", id, "; it never comes"));
  };
  if (config.bos_token_id && is_foreign(*config.bos_token_id)) {
    tell("bos_token_id", *config.bos_token_id);
    config.bos_token_id.reset();
  }
  for (const int64_t id : config.eos_token_ids) {
    if (is_foreign(id)) tell("eos_token_id", id);
  }
  std::erase_if(config.eos_token_ids, is_foreign);
}

}  // namespace gptj
