// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"
#include "model/field_reader.h"

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
    {"max_new_tokens", &Defaults::max_new_tokens, 1},
    {"num_beams", &Defaults::num_beams, 1},
    {"bos_token_id", &Defaults::bos_token_id, 0},
};

}  // namespace

GenerationDefaults parse_generation_defaults(std::string_view text, const std::string& file) {
  const FieldReader json(text, file);
  Defaults defaults;
  for (const auto& field : kNumbers) defaults.*field.member = json.number(field.name, field.rule);
  for (const auto& field : kIntegers) {
    defaults.*field.member = json.integer(field.name, field.min, INT32_MAX);
  }
  defaults.do_sample = json.boolean("do_sample");
  defaults.early_stopping = json.boolean("early_stopping");
  defaults.eos_token_ids = json.token_ids("eos_token_id");
  return defaults;
}

}  // namespace gptj
