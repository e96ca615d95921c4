// SPDX-License-Identifier: Apache-2.0
#include "generate/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/check.h"
#include "generate/logits_processor.h"

namespace gptj {
namespace {

constexpr int64_t kDefaultMaxTokens = 256;
constexpr int64_t kMaxSamples = 128, kMaxBeams = 128;
constexpr size_t kMaxStops = 16;

void check_range(const char* field, int64_t value, int64_t low, int64_t high) {
  check_param(low <= value && value <= high, field, "expected ", low, " to ", high, ", found ",
              value);
}

void check_range(const char* field, double value, double low, double high) {
  check_param(low <= value && value <= high, field, "expected ", low, " to ", high, ", found ",
              value);
}

const Tokenizer& tokenizer_for(const char* field, const Model& model) {
  check_param(model.tokenizer() != nullptr, field, "expected token ids, found text: ", model.name(),
              " has no tokenizer; --tokenizer names one");
  return *model.tokenizer();
}

std::vector<TokenId> ids_of(const char* field, const TextOrIds& value, const Model& model,
                            const EncodeOptions& options = {}) {
  std::vector<TokenId> ids;
  if (const auto* text = std::get_if<std::string>(&value)) {
    // Without a tokenizer an empty text is no ids.
    if (!text->empty() || model.tokenizer() != nullptr) {
      ids = tokenizer_for(field, model).encode(*text, options);
    }
  } else {
    ids = std::get<std::vector<TokenId>>(value);
  }
  for (const TokenId id : ids) check_range(field, id, 0, model.config().vocab_size - 1);
  return ids;
}

void plan_prompt(const Request& request, const Model& model, Plan& plan) {
  plan.prompt = ids_of("prompt", request.prompt, model);
  if (!plan.prompt.empty()) return;
  check_param(model.config().bos_token_id.has_value(), "prompt",
              "expected at least one token: ", model.name(),
              " names no bos token to stand for an empty prompt");
  plan.prompt = {*model.config().bos_token_id};
  plan.bos_for_empty = true;
}

// prompt + max_tokens <= n_positions.
void plan_length(const Request& request, const Model& model, Plan& plan) {
  const int64_t context = model.config().n_positions;
  const auto prompt = static_cast<int64_t>(plan.prompt.size());
  if (request.max_tokens) check_range("max_tokens", *request.max_tokens, 0, int64_t{1} << 40);
  plan.max_tokens = request.max_tokens.value_or(kDefaultMaxTokens);
  // A default makes way for the prompt: all of one that fits, half a context of one that does not.
  if (!request.max_tokens && request.overflow != Overflow::kSlide) {
    const int64_t left = prompt <= context ? context - prompt : context / 2;
    plan.max_tokens = std::min(plan.max_tokens, left);
  }
  if (request.overflow == Overflow::kTruncate && plan.max_tokens < context) {
    const int64_t room = context - plan.max_tokens;
    if (prompt > room) plan.prompt.erase(plan.prompt.begin(), plan.prompt.end() - room);
  }
  const auto kept = static_cast<int64_t>(plan.prompt.size());
  if (kept + plan.max_tokens <= context || request.overflow == Overflow::kSlide) return;
  const bool prompt_alone = kept > context;
  const std::string asked =
      request.max_tokens ? concat(" and ", plan.max_tokens, " new tokens") : std::string();
  fail(ErrorCode::kContextLength,
       concat("prompt of ", kept, " tokens", asked, ": expected at most ", context,
              " together, the model's context; shorten them, or drop the prompt's oldest tokens "
              "with overflow truncate, or go on past it with overflow slide"),
       prompt_alone ? "prompt" : "max_tokens");
}

// The request's value, else the model's, else off.
template <class T>
T choose(const std::optional<T>& asked, const std::optional<T>& model_default, T off) {
  return asked ? *asked : model_default.value_or(off);
}

double choose_temperature(const Request& r, const GenerationDefaults& defaults) {
  if (r.temperature) return *r.temperature;
  if (defaults.do_sample.value_or(false)) return defaults.temperature.value_or(1.0);
  return r.top_k || r.top_p || r.min_p || r.typical_p ? 1.0 : 0.0;
}

void plan_sampling(const Request& r, const Model& model, Plan& plan) {
  const GenerationDefaults& d = model.generation_defaults();
  SamplingOptions& s = plan.sampling;
  s.repetition_penalty = choose(r.repetition_penalty, d.repetition_penalty, 1.0);
  s.frequency_penalty = r.frequency_penalty;
  s.presence_penalty = r.presence_penalty;
  s.logit_bias.assign(r.logit_bias.begin(), r.logit_bias.end());
  s.no_repeat_ngram_size = choose(r.no_repeat_ngram_size, d.no_repeat_ngram_size, int64_t{0});
  for (const TextOrIds& word : r.bad_words) {
    s.bad_words.push_back(ids_of("bad_words", word, model, {.continues = true}));
  }
  s.temperature = choose_temperature(r, d);
  s.top_k = choose(r.top_k, d.top_k, int64_t{0});
  s.top_p = choose(r.top_p, d.top_p, 1.0);
  s.min_p = choose(r.min_p, d.min_p, 0.0);
  s.typical_p = choose(r.typical_p, d.typical_p, 1.0);
  check_range("frequency_penalty", s.frequency_penalty, -2, 2);
  check_range("presence_penalty", s.presence_penalty, -2, 2);
  for (const auto& [id, bias] : s.logit_bias) check_range("logit_bias", bias, -100, 100);
  check_sampling_options(s, model.config().vocab_size);
}

void plan_samples(const Request& r, Plan& plan) {
  check_param(!r.n || !r.num_return_sequences || *r.n == *r.num_return_sequences,
              "num_return_sequences", "expected n, which is the same, found ",
              r.num_return_sequences.value_or(0), " beside n ", r.n.value_or(0));
  plan.n = r.n ? *r.n : r.num_return_sequences.value_or(1);
  check_range(r.n ? "n" : "num_return_sequences", plan.n, 1, kMaxSamples);
  plan.best_of = r.best_of.value_or(plan.n);
  check_range("best_of", plan.best_of, plan.n, kMaxSamples);
}

// The request's, else the model's where that does not sample.
void plan_beams(const Request& r, const Model& model, Plan& plan) {
  const GenerationDefaults& d = model.generation_defaults();
  const bool samples = plan.sampling.temperature > 0;
  const int64_t by_default = samples || r.best_of || !r.stop.empty() ? 1 : d.num_beams.value_or(1);
  plan.num_beams = r.num_beams.value_or(by_default);
  check_range("num_beams", plan.num_beams, 1, kMaxBeams);
  plan.length_penalty = choose(r.length_penalty, d.length_penalty, 1.0);
  check_param(std::isfinite(plan.length_penalty), "length_penalty", "expected a number, found ",
              plan.length_penalty);
  plan.early_stopping = choose(r.early_stopping, d.early_stopping, false);
  if (plan.num_beams == 1) return;
  const auto refuse = [&](bool given, const char* field) {
    check_param(!given, field, "does not go with a beam search (num_beams ", plan.num_beams, ")");
  };
  refuse(r.temperature.value_or(0) > 0, "temperature");
  refuse(r.top_k.has_value(), "top_k");
  refuse(r.top_p.has_value(), "top_p");
  refuse(r.min_p.has_value(), "min_p");
  refuse(r.typical_p.has_value(), "typical_p");
  refuse(r.best_of.has_value(), "best_of");
  refuse(!r.stop.empty(), "stop");
  check_range("n", plan.n, 1, plan.num_beams);
  const auto prompt = static_cast<int64_t>(plan.prompt.size());
  refuse(prompt + plan.max_tokens > model.config().n_positions, "overflow");
  plan.sampling.temperature = 0;  // whatever generation_config.json says
}

void plan_prefix(const Request& request, const Model& model, Plan& plan) {
  plan.prefix_lm = request.prefix_lm;
  if (!plan.prefix_lm) return;
  check_param(!plan.echo || !plan.logprobs, "prefix_lm",
              "the tokens of a bidirectional prompt have no logprobs; expected echo or logprobs, "
              "found both");
  const auto prompt = static_cast<int64_t>(plan.prompt.size());
  check_param(prompt + plan.max_tokens <= model.config().n_positions, "prefix_lm",
              "a bidirectional prompt does not slide; expected at most ",
              model.config().n_positions, " tokens with the new ones, found ",
              prompt + plan.max_tokens);
}

int64_t draw_seed() {
  std::random_device device;
  const uint64_t bits = (uint64_t{device()} << 32) | device();
  return static_cast<int64_t>(bits >> 1);
}

}  // namespace

Plan make_plan(const Request& request, const Model& model) {
  Plan plan;
  plan_prompt(request, model, plan);
  plan_length(request, model, plan);
  plan_sampling(request, model, plan);
  plan_samples(request, plan);
  plan_beams(request, model, plan);
  check_range("min_tokens", request.min_tokens, 0, plan.max_tokens);
  plan.min_tokens = request.min_tokens;
  plan.ignore_eos = request.ignore_eos;
  check_param(request.stop.size() <= kMaxStops, "stop", "expected at most ", kMaxStops,
              " strings, found ", request.stop.size());
  for (const std::string& stop : request.stop) {
    check_param(!stop.empty(), "stop", "expected text, found an empty string");
    tokenizer_for("stop", model);
  }
  plan.stop = request.stop;
  if (request.logprobs) check_range("logprobs", *request.logprobs, 0, 20);
  plan.logprobs = request.logprobs;
  plan.echo = request.echo;
  plan_prefix(request, model, plan);
  if (request.seed) check_range("seed", *request.seed, 0, std::numeric_limits<int64_t>::max());
  plan.seed = request.seed ? *request.seed : draw_seed();
  return plan;
}

}  // namespace gptj
