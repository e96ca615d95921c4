// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/json_fields.h"
#include "checkpoint/config.h"
#include "checkpoint/known_fields.h"

namespace gptj {
namespace {

using Defaults = GenerationDefaults;

struct NumberField {
  const char* name;
  std::optional<double> Defaults::*member;
  NumberRule rule;
};
constexpr NumberField kNumbers[] = {
    {"temperature", &Defaults::temperature, kNotNegative},
    {"top_p", &Defaults::top_p, kFraction},
    {"min_p", &Defaults::min_p, kFraction},
    {"typical_p", &Defaults::typical_p, kFraction},
    {"repetition_penalty", &Defaults::repetition_penalty, kPositive},
    {"encoder_repetition_penalty", &Defaults::encoder_repetition_penalty, kPositive},
    {"length_penalty", &Defaults::length_penalty, kAnyNumber},
};

struct IntegerField {
  const char* name;
  std::optional<int64_t> Defaults::*member;
  int64_t min;
};
constexpr IntegerField kIntegers[] = {
    {"top_k", &Defaults::top_k, 0},
    {"no_repeat_ngram_size", &Defaults::no_repeat_ngram_size, 0},
    {"encoder_no_repeat_ngram_size", &Defaults::encoder_no_repeat_ngram_size, 0},
    {"max_new_tokens", &Defaults::max_new_tokens, 1},
    {"max_length", &Defaults::max_length, 1},
    {"min_new_tokens", &Defaults::min_new_tokens, 0},
    {"min_length", &Defaults::min_length, 0},
    {"num_beams", &Defaults::num_beams, 1},
    {"num_return_sequences", &Defaults::num_return_sequences, 1},
};

struct IdListField {
  const char* name;
  std::vector<int64_t> Defaults::*member;
};
constexpr IdListField kIdLists[] = {
    {"suppress_tokens", &Defaults::suppress_tokens},
    {"begin_suppress_tokens", &Defaults::begin_suppress_tokens},
    {"forced_eos_token_id", &Defaults::forced_eos_token_ids},
    {"eos_token_id", &Defaults::eos_token_ids},
};

std::optional<int64_t> token_id(const FieldReader& json, const char* field) {
  const std::vector<int64_t> ids = json.token_ids(field);
  json.expect(ids.size() <= 1, field, "one token id");
  return ids.empty() ? std::nullopt : std::optional(ids[0]);
}

std::optional<EarlyStopping> early_stopping(const FieldReader& json) {
  constexpr const char* kField = "early_stopping";
  if (!json.has(kField)) return {};
  const Json& value = json.object().at(kField);
  json.expect(value.is_boolean() || value == "never", kField, "true, false or \"never\"");
  if (value == "never") return EarlyStopping::kNever;
  return value.get<bool>() ? EarlyStopping::kYes : EarlyStopping::kNo;
}

std::optional<std::pair<int64_t, double>> decay(const FieldReader& json) {
  constexpr const char* kField = "exponential_decay_length_penalty";
  if (!json.has(kField)) return {};
  const Json& value = json.object().at(kField);
  const bool is_pair = value.is_array() && value.size() == 2 && value[0].is_number_unsigned() &&
                       value[0].get<uint64_t>() <= INT32_MAX && value[1].is_number() &&
                       value[1].get<double>() > 0;
  json.expect(is_pair, kField, "[tokens before it begins, a factor above 0]");
  return std::pair(value[0].get<int64_t>(), value[1].get<double>());
}

std::vector<std::string> stop_strings(const FieldReader& json) {
  constexpr const char* kField = "stop_strings";
  if (json.has(kField) && json.object().at(kField).is_string()) return {*json.string(kField)};
  return json.strings(kField);
}

// Removes ids that no row of the vocabulary has; returns whether there were any.
bool drop_foreign(std::vector<int64_t>& ids, int64_t vocab_size) {
  return std::erase_if(ids, [&](int64_t id) { return id < 0 || id >= vocab_size; }) > 0;
}

}  // namespace

GenerationDefaults parse_generation_defaults(std::string_view text, const std::string& file,
                                             Warnings& warnings) {
  const FieldReader json(text, file);
  Defaults defaults;
  for (const auto& field : kNumbers) defaults.*field.member = json.number(field.name, field.rule);
  for (const auto& field : kIntegers) {
    defaults.*field.member = json.integer(field.name, field.min, INT32_MAX);
  }
  for (const auto& field : kIdLists) defaults.*field.member = json.token_ids(field.name);
  defaults.do_sample = json.boolean("do_sample");
  defaults.early_stopping = early_stopping(json);
  defaults.bad_words_ids = json.id_lists("bad_words_ids");
  defaults.bos_token_id = token_id(json, "bos_token_id");
  defaults.forced_bos_token_id = token_id(json, "forced_bos_token_id");
  defaults.exponential_decay_length_penalty = decay(json);
  defaults.stop_strings = stop_strings(json);
  std::erase(defaults.stop_strings, "");
  std::erase(defaults.bad_words_ids, std::vector<int64_t>());
  warn_of_fields(json, kGenerationFields, warnings);
  return defaults;
}

void drop_foreign_ids(GenerationDefaults& defaults, int64_t vocab_size, const std::string& file,
                      Warnings& warnings) {
  const auto tell = [&](const char* field) {
    warnings.push_back(concat(file, ": ", field, ": expected token ids below the vocabulary's ",
                              vocab_size, " rows, found others; they never come"));
  };
  for (const auto& field : kIdLists) {
    if (drop_foreign(defaults.*field.member, vocab_size)) tell(field.name);
  }
  const auto drop_one = [&](std::optional<int64_t>& id, const char* field) {
    if (!id || (*id >= 0 && *id < vocab_size)) return;
    id.reset();
    tell(field);
  };
  drop_one(defaults.bos_token_id, "bos_token_id");
  drop_one(defaults.forced_bos_token_id, "forced_bos_token_id");
  const size_t foreign = std::erase_if(defaults.bad_words_ids, [&](std::vector<int64_t>& word) {
    return drop_foreign(word, vocab_size);
  });
  if (foreign > 0) tell("bad_words_ids");
}

void adopt_generation_defaults(GenerationDefaults& defaults, const std::string& file,
                               ModelConfig& config, Warnings& warnings) {
  const bool names_ends = !defaults.eos_token_ids.empty();
  drop_foreign_ids(defaults, config.vocab_size, file, warnings);
  if (defaults.bos_token_id) config.bos_token_id = defaults.bos_token_id;
  if (names_ends) config.eos_token_ids = defaults.eos_token_ids;
}

void warn_of_other_settings(std::string_view in_config, std::string_view generation_config,
                            const std::string& folder, Warnings& warnings) {
  const std::string file = folder + "/config.json";
  const FieldReader config(in_config, file);
  const FieldReader settings(generation_config, folder + "/generation_config.json");
  for (const KnownField& field : kGenerationFields) {
    if (field.effect == FieldEffect::kNone || find_field(kConfigFields, field.name)) continue;
    if (!is_asked(config, field) || config.found(field.name) == settings.found(field.name))
      continue;
    warnings.push_back(concat(file, ": ", field.name, ": found ", config.found(field.name),
                              "; generation_config.json beside it counts in its place"));
  }
}

}  // namespace gptj
