// SPDX-License-Identifier: Apache-2.0
#include "request/plan.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <random>

#include "base/check.h"

namespace gptj {
namespace {

constexpr int64_t kDefaultMaxTokens = 256;
constexpr int64_t kMaxSamples = 128, kMaxBeams = 128;
constexpr size_t kMaxStops = 64;

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
              " has no tokenizer; `tokenizer` names one");
  return *model.tokenizer();
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

void check_same(const char* field, const std::optional<int64_t>& value, const char* other,
                const std::optional<int64_t>& other_value) {
  check_param(!value || !other_value || *value == *other_value, field, "expected ", other,
              ", which is the same, found ", value.value_or(0), " beside ", other, " ",
              other_value.value_or(0));
}

std::optional<int64_t> asked_max_tokens(const Request& request) {
  check_same("max_new_tokens", request.max_new_tokens, "max_tokens", request.max_tokens);
  const auto asked = request.max_tokens ? request.max_tokens : request.max_new_tokens;
  const char* field = request.max_tokens ? "max_tokens" : "max_new_tokens";
  if (asked) check_range(field, *asked, 0, int64_t{1} << 40);
  return asked;
}

// Returns the number of new tokens where the request names none: the model's, or kDefaultMaxTokens.
// A max_length that leaves no room behind the prompt is ignored.
int64_t default_max_tokens(const GenerationDefaults& defaults, int64_t prompt) {
  if (defaults.max_new_tokens) return *defaults.max_new_tokens;
  const int64_t left = defaults.max_length.value_or(0) - prompt;
  return left > 0 ? left : kDefaultMaxTokens;
}

// Returns a default number of new tokens, shrunk to the room behind the prompt. If the prompt may
// be cut, the result is at least `wanted` or half a context, whichever is less. A text that slides
// on has no need to shrink.
int64_t fitting_default(int64_t wanted, int64_t prompt, int64_t context, Overflow overflow) {
  if (overflow == Overflow::kSlide) return wanted;
  const int64_t least = std::min(wanted, context / 2);
  const bool may_cut = overflow == Overflow::kTruncate && context - prompt < least;
  return may_cut ? least : std::min(wanted, std::max(context - prompt, int64_t{0}));
}

// Sets max_tokens, and cuts the prompt with kTruncate. Throws kContextLength unless
// prompt + max_tokens <= n_positions, and if a default leaves no room for one new token. kSlide
// allows any length.
void plan_length(const Request& request, const Model& model, Plan& plan) {
  const int64_t context = model.config().n_positions;
  const auto prompt = static_cast<int64_t>(plan.prompt.size());
  const std::optional<int64_t> asked = asked_max_tokens(request);
  plan.max_tokens = asked ? *asked
                          : fitting_default(default_max_tokens(model.generation_defaults(), prompt),
                                            prompt, context, request.overflow);
  if (request.overflow == Overflow::kTruncate && plan.max_tokens < context) {
    const int64_t room = context - plan.max_tokens;
    if (prompt > room) plan.prompt.erase(plan.prompt.begin(), plan.prompt.end() - room);
  }
  const auto kept = static_cast<int64_t>(plan.prompt.size());
  const bool no_room = !asked && plan.max_tokens == 0;
  const bool fits = kept + plan.max_tokens <= context && !no_room;
  if (fits || request.overflow == Overflow::kSlide) return;
  const std::string new_tokens =
      asked ? concat(" and ", plan.max_tokens, " new tokens") : std::string();
  const std::string most =
      asked ? concat(context, " together, the model's context")
            : concat(context - 1, ", one less than the model's context of ", context);
  fail(ErrorCode::kContextLength,
       concat("prompt of ", kept, " tokens", new_tokens, ": expected at most ", most,
              "; shorten them, or drop the prompt's oldest tokens "
              "with overflow truncate, or go on past it with overflow slide"),
       kept > context || no_room ? "prompt" : "max_tokens");
}

// Sets min_tokens. A default is lowered to max_tokens; the request's own value must not exceed it.
void plan_least(const Request& request, const Model& model, Plan& plan) {
  const GenerationDefaults& d = model.generation_defaults();
  const auto prompt = static_cast<int64_t>(plan.prompt.size());
  const int64_t by_length = std::max(d.min_length.value_or(0) - prompt, int64_t{0});
  const int64_t by_default = std::min(d.min_new_tokens.value_or(by_length), plan.max_tokens);
  plan.min_tokens = request.min_tokens.value_or(by_default);
  check_range("min_tokens", plan.min_tokens, 0, plan.max_tokens);
}

// Returns the request's value, else the model's, else `off`.
template <class T>
T choose(const std::optional<T>& asked, const std::optional<T>& model_default, T off) {
  return asked ? *asked : model_default.value_or(off);
}

// Returns the temperature, 0 for greedy. A request that sets neither do_sample nor temperature, for
// a model that does not sample by default, samples at 1 if it sets top_k, top_p, min_p or
// typical_p.
double choose_temperature(const Request& r, const GenerationDefaults& defaults) {
  if (r.do_sample && r.temperature) {
    check_param(*r.do_sample ? *r.temperature != 0 : *r.temperature == 0 || *r.temperature == 1,
                "temperature", "expected ", *r.do_sample ? "above 0" : "0 or none",
                ", as do_sample is ", *r.do_sample ? "true" : "false", ", found ", *r.temperature);
  }
  if (r.do_sample && !*r.do_sample) return 0;
  if (r.temperature) return *r.temperature;
  if (r.do_sample) return defaults.temperature.value_or(1.0);
  if (defaults.do_sample.value_or(false)) return defaults.temperature.value_or(1.0);
  return r.top_k || r.top_p || r.min_p || r.typical_p ? 1.0 : 0.0;
}

// Adds a word as it stands and once more behind a space, because a word inside a text begins with a
// space, and one in a prompt's first place does not. Ids, and text that already begins with a
// space, are added only as they stand.
void add_bad_word(const TextOrIds& word, const Model& model, SamplingOptions& options) {
  options.bad_words.push_back(ids_of("bad_words", word, model, {.continues = true}));
  const auto* text = std::get_if<std::string>(&word);
  if (text == nullptr || text->empty() || std::isspace(static_cast<unsigned char>(text->front()))) {
    return;
  }
  options.bad_words.push_back(ids_of("bad_words", " " + *text, model, {.continues = true}));
}

void plan_bad_words(const Request& r, const Model& model, SamplingOptions& options) {
  if (!r.bad_words) {
    options.bad_words = model.generation_defaults().bad_words_ids;
    return;
  }
  for (const TextOrIds& word : *r.bad_words) add_bad_word(word, model, options);
}

void plan_sampling(const Request& r, const Model& model, Plan& plan) {
  const GenerationDefaults& d = model.generation_defaults();
  SamplingOptions& s = plan.sampling;
  s.repetition_penalty = choose(r.repetition_penalty, d.repetition_penalty, 1.0);
  s.repetition_penalty_range = r.repetition_penalty_range.value_or(0);
  s.frequency_penalty = r.frequency_penalty;
  s.presence_penalty = r.presence_penalty;
  s.logit_bias.assign(r.logit_bias.begin(), r.logit_bias.end());
  s.no_repeat_ngram_size = choose(r.no_repeat_ngram_size, d.no_repeat_ngram_size, int64_t{0});
  s.encoder_repetition_penalty = d.encoder_repetition_penalty.value_or(1.0);
  s.encoder_no_repeat_ngram_size = d.encoder_no_repeat_ngram_size.value_or(0);
  plan_bad_words(r, model, s);
  s.forced_first = d.forced_bos_token_id;
  if (!r.ignore_eos) s.forced_last = d.forced_eos_token_ids;
  if (const auto& decay = d.exponential_decay_length_penalty) {
    s.decay_start = decay->first;
    s.decay_factor = decay->second;
  }
  s.suppressed = d.suppress_tokens;
  s.suppressed_first = d.begin_suppress_tokens;
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

// Returns the number of texts where the request names none: the model's if several texts can
// differ, at most num_beams of a beam search, and 1 for greedy or with best_of.
int64_t default_n(const Request& r, const GenerationDefaults& defaults, const Plan& plan) {
  if (r.best_of) return 1;
  if (plan.num_beams > 1) {
    return std::min(defaults.num_return_sequences.value_or(1), plan.num_beams);
  }
  return plan.sampling.temperature > 0 ? defaults.num_return_sequences.value_or(1) : 1;
}

void plan_samples(const Request& r, const Model& model, Plan& plan) {
  check_same("num_return_sequences", r.num_return_sequences, "n", r.n);
  const auto asked = r.n ? r.n : r.num_return_sequences;
  plan.n = asked ? *asked : default_n(r, model.generation_defaults(), plan);
  check_range(r.n ? "n" : "num_return_sequences", plan.n, 1, kMaxSamples);
  plan.best_of = r.best_of.value_or(plan.n);
  check_range("best_of", plan.best_of, plan.n, kMaxSamples);
  if (plan.num_beams > 1) check_range("n", plan.n, 1, plan.num_beams);
}

// Sets the options of a beam search: num_beams is the request's, else the model's. The model's is
// ignored if texts are sampled, or if the request has best_of or a stop string.
void plan_beams(const Request& r, const Model& model, Plan& plan) {
  const GenerationDefaults& d = model.generation_defaults();
  const bool samples = plan.sampling.temperature > 0;
  const int64_t by_default = samples || r.best_of || !r.stop.empty() ? 1 : d.num_beams.value_or(1);
  plan.num_beams = r.num_beams.value_or(by_default);
  check_range("num_beams", plan.num_beams, 1, kMaxBeams);
  plan.length_penalty = choose(r.length_penalty, d.length_penalty, 1.0);
  // The limit is 50 because length^50 and length^-50 are still finite numbers above 0.
  check_range("length_penalty", plan.length_penalty, -50.0, 50.0);
  plan.early_stopping = choose(r.early_stopping, d.early_stopping, EarlyStopping::kNo);
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
  uint64_t bits = 0;
  try {
    std::random_device device;
    bits = (uint64_t{device()} << 32) | device();
  } catch (const std::exception& error) {  // std::random_device has no source
    fail(ErrorCode::kIo, concat("seed: the system has no random numbers: ", error.what()), "seed");
  }
  return static_cast<int64_t>(bits >> 1);
}

}  // namespace

std::vector<TokenId> ids_of(const char* field, const TextOrIds& value, const Model& model,
                            const EncodeOptions& options) {
  std::vector<TokenId> ids;
  if (const auto* text = std::get_if<std::string>(&value)) {
    // A model without a tokenizer accepts an empty text, which has no ids.
    if (!text->empty() || model.tokenizer() != nullptr) {
      ids = tokenizer_for(field, model).encode(*text, options);
    }
  } else {
    ids = std::get<std::vector<TokenId>>(value);
  }
  for (const TokenId id : ids) check_range(field, id, 0, model.config().vocab_size - 1);
  return ids;
}

Plan make_plan(const Request& request, const Model& model) {
  Plan plan;
  plan_prompt(request, model, plan);
  plan_length(request, model, plan);
  plan_sampling(request, model, plan);
  plan_beams(request, model, plan);
  plan_samples(request, model, plan);
  plan_least(request, model, plan);
  plan.ignore_eos = request.ignore_eos;
  check_param(request.stop.size() <= kMaxStops, "stop", "expected at most ", kMaxStops,
              " strings, found ", request.stop.size());
  for (const std::string& stop : request.stop) {
    check_param(!stop.empty(), "stop", "expected text, found an empty string");
    tokenizer_for("stop", model);
  }
  plan.stop = request.stop;
  const bool may_stop = plan.num_beams == 1 && model.tokenizer() != nullptr;
  if (plan.stop.empty() && may_stop) plan.stop = model.generation_defaults().stop_strings;
  if (request.logprobs) check_range("logprobs", *request.logprobs, 0, 20);
  plan.logprobs = request.logprobs;
  plan.echo = request.echo;
  plan_prefix(request, model, plan);
  if (request.seed) check_range("seed", *request.seed, 0, std::numeric_limits<int64_t>::max());
  plan.seed = request.seed ? *request.seed : draw_seed();
  return plan;
}

}  // namespace gptj
