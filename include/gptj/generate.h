// SPDX-License-Identifier: Apache-2.0
// Text generation:
//
//   const gptj::Model model = gptj::Model::load("models/fairytale-8m");
//   gptj::Request request;
//   request.prompt = "Once upon a time";
//   request.max_tokens = 40;
//   std::cout << gptj::complete(model, request).choices[0].text << '\n';
//
// Names and meanings of a request's fields are Hugging Face's and OpenAI's. complete() may be
// called from many threads on one model; the calls take turns on its thread pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gptj/error.h"
#include "gptj/export.h"
#include "gptj/model.h"

namespace gptj {

// Copies share one flag; cancel() may be called from any thread, also from a signal handler. A
// cancelled generation returns what there is within one chunk of the prompt or one token.
class GPTJ_API CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const { flag_->store(true); }
  bool cancelled() const { return flag_->load(); }
  // Takes cancel() back, for the next generation by the same token.
  void reset() const { flag_->store(false); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

enum class FinishReason { kStop, kLength, kCancelled };
// "stop", "length", "cancelled"
GPTJ_API const char* finish_reason_name(FinishReason reason);

// What to do where prompt and max_tokens exceed n_positions.
enum class Overflow {
  kError,     // ErrorCode::kContextLength with the counts
  kTruncate,  // drop the oldest tokens of the prompt
  // Whenever the context is full, drop the older half of what is in it and compute the rest anew:
  // a text has no end but max_tokens. Penalties and echo still see all of it. Not with beams.
  kSlide,
};

// One generated token, as it comes.
struct TokenEvent {
  int64_t index = 0;  // which of the samples
  TokenId id = 0;
  float logprob = 0;            // raw log-softmax over the whole vocabulary
  std::string_view bytes = {};  // the token's own; empty for the end token or without a tokenizer
  std::string_view text = {};   // what has become certain: whole characters, no part of a stop
                                // string; with echo it goes on where TextStream::push(prompt) ends
  std::optional<FinishReason> finish_reason = {};  // set on the sample's last event
};

// Text to be found, or its token ids.
using TextOrIds = std::variant<std::string, std::vector<TokenId>>;

// What is not set takes the model's generation_config.json (where do_sample false or absent means
// greedy), else the default stated here.
struct Request {
  // Text, or token ids, which are taken as they are. Empty: the bos token.
  TextOrIds prompt = std::string();

  // New tokens of each sample, 0 or more. Not set: the model's max_new_tokens, or its max_length
  // less the prompt, else 256; or as many as fit the context. Hugging Face's name is
  // max_new_tokens.
  std::optional<int64_t> max_tokens = {};
  std::optional<int64_t> max_new_tokens = {};
  // Neither an end token nor a stop string ends a sample before this many new tokens; not set: the
  // model's, else 0.
  std::optional<int64_t> min_tokens = {};
  // The end token does not end a sample (and is not forbidden).
  bool ignore_eos = false;
  Overflow overflow = Overflow::kError;
  // All tokens of the prompt see each other, as models trained as prefix-LMs (GPT-JT) expect it;
  // the text is causal. Not with logprobs of an echoed prompt, and nothing of it is kept or shared.
  bool prefix_lm = false;

  // Hugging Face's switch: false is greedy, true samples, at 1 where no temperature is set.
  std::optional<bool> do_sample = {};
  // 0: greedy. Not set: the model's default; where that is greedy, 1 if any of the four below is
  // set.
  std::optional<double> temperature = {};
  // Only the k best ids, and all that tie with the k-th; 0: off.
  std::optional<int64_t> top_k = {};
  // Only the smallest set of ids with this much probability; 1: off.
  std::optional<double> top_p = {};
  // Only ids at least this fraction as probable as the best; 0: off.
  std::optional<double> min_p = {};
  // Only the most typical ids with this much probability; 1: off.
  std::optional<double> typical_p = {};

  // Of every id in prompt or output: logit / penalty if positive, else logit * penalty; 0.001 to
  // 1000, 1: off.
  std::optional<double> repetition_penalty = {};
  // Subtracted once for each time that an id stands in the output; -2 to 2, 0: off.
  double frequency_penalty = 0;
  // Subtracted once if an id stands in the output; -2 to 2, 0: off.
  double presence_penalty = 0;
  // Added to the logits of these ids; -100 to 100.
  std::map<TokenId, double> logit_bias = {};
  // No n-gram of this many tokens comes twice; 0: off.
  std::optional<int64_t> no_repeat_ngram_size = {};
  // The tokens of these never come in a row. Text is tokenized as it stands, and once more behind a
  // space, because a word in a text begins with one. Not set: the model's bad_words_ids.
  std::optional<std::vector<TextOrIds>> bad_words = {};

  // A sample ends before the first of these in its generated text; at most 16. Empty: the model's
  // stop_strings.
  std::vector<std::string> stop = {};
  // Report the logprob of each token, and of this many best besides it; 0 to 20.
  std::optional<int64_t> logprobs = {};
  // The text, ids and logprobs begin with the prompt's.
  bool echo = false;
  // How many samples to return (not set: 1), and from how many (the best by mean logprob; not set:
  // n). Hugging Face's name for n is num_return_sequences.
  std::optional<int64_t> n = {};
  std::optional<int64_t> num_return_sequences = {};
  std::optional<int64_t> best_of = {};
  // Above 1: a beam search of this width, as transformers 4.27 does it, whatever
  // generation_config.json says of sampling; n of its hypotheses are returned, the best first. It
  // does not go with a temperature, best_of or stop, and reports no tokens on the way.
  std::optional<int64_t> num_beams = {};
  // A hypothesis scores its sum of logprobs / (tokens of prompt and text)^length_penalty; not
  // set: 1.
  std::optional<double> length_penalty = {};
  // When the search ends; not set: kNo.
  std::optional<EarlyStopping> early_stopping = {};
  // 0 to 2^63 - 1; not set: one is drawn, and reported.
  std::optional<int64_t> seed = {};

  // Called on the calling thread for each token; kCancel ends the whole request.
  std::function<Progress(const TokenEvent&)> on_token = {};
  // Guesses what comes next from the text so far, and checks the guesses in one pass: it changes
  // nothing but the time, and stops where guesses fail.
  bool speculate = true;
  // The caller's own guesses: what may follow `ids` (prompt and output so far), at most `most`.
  std::function<std::vector<TokenId>(std::span<const TokenId> ids, size_t most)> on_guess = {};
  // The caller's own rule: may change the logits of sample `index` after the penalties and before
  // the temperature. `ids` are prompt and output so far. -infinity forbids a token; NaN or
  // +infinity is kInvalidArgument.
  std::function<void(int64_t index, std::span<const TokenId> ids, std::span<float> logits)>
      on_logits = {};
};

struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0;
};

// One entry for each of a choice's token_ids.
struct LogprobEntry {
  // Not set for the first token of an echoed prompt: nothing stands before it.
  std::optional<float> logprob = {};
  std::vector<TokenLogprob> top = {};  // best first
  // Where the token begins in prompt and text together, in code points, whether the prompt is echoed
  // or not; all parts of one character have its offset. Not set without a tokenizer.
  std::optional<int64_t> text_offset = {};
};

struct Choice {
  int64_t index = 0;
  // Valid UTF-8, cut at a stop string, without the end token that ended it. Not set without a
  // tokenizer.
  std::optional<std::string> text = {};
  // Every id, never cut; with echo the prompt's come first; a generated end token is included.
  std::vector<TokenId> token_ids = {};
  FinishReason finish_reason = FinishReason::kLength;
  // As long as token_ids where Request::logprobs is set, else empty.
  std::vector<LogprobEntry> logprobs = {};
  // Of a beam search.
  std::optional<float> score = {};
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;  // of every sample, returned or not
  int64_t total_tokens = 0;
};

struct Completion {
  std::vector<Choice> choices;
  Usage usage;
  int64_t seed = 0;  // the one that was used
  // Wall time spent on the prompt, from the request's first step on, and on the new tokens, in
  // seconds. Waiting for a turn beside other requests is not counted.
  double prompt_seconds = 0;
  double decode_seconds = 0;
};

// Throws kInvalidArgument with the field as its param, kContextLength, kNotFinite; kOutOfMemory
// with the figures where the keys and values of all its samples or beams do not fit the memory that
// is left. When cancelled it returns what there is, with FinishReason::kCancelled.
GPTJ_API Completion complete(const Model& model, const Request& request,
                             const CancelToken& cancel = {});

// Keeps what was computed of one request for the next: a prompt that begins like the last prompt
// and its text is computed only from where they part, as in a conversation, or where a script asks
// many things of one preamble. Answers are those of complete(), bit for bit. Belongs to one thread
// at a time.
class GPTJ_API Context {
 public:
  explicit Context(const Model& model);
  // What save() kept. Throws as Session::load.
  static Context load(const Model& model, const std::string& path);
  ~Context();
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;

  // Throws kInvalidArgument where nothing was computed yet, kIo.
  void save(const std::string& path) const;
  // The tokens that need not be computed again: prompt and text but for its last token.
  std::span<const TokenId> ids() const;

  // As gptj::complete.
  Completion complete(const Request& request, const CancelToken& cancel = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct GeneratorOptions {
  // Bytes of KV cache at once: how many requests run together. One that alone needs more is refused
  // with kOutOfMemory. 0: half of the memory that is free; one that needs more of it runs alone.
  uint64_t kv_memory = 0;
  // What prompts of requests that run together have in common is computed and kept once.
  bool share_prefixes = true;
};

// Answers many requests together, on a thread of its own: every pass over the weights serves all
// that run, and a request that does not fit the memory waits. Each answer is that of complete(),
// bit for bit.
//
//   gptj::Generator generator(model);
//   std::future<gptj::Completion> a = generator.submit({.prompt = "Once"});
//   std::future<gptj::Completion> b = generator.submit({.prompt = "Twice"});
//   std::cout << *a.get().choices[0].text << *b.get().choices[0].text << '\n';
class GPTJ_API Generator {
 public:
  explicit Generator(const Model& model, const GeneratorOptions& options = {});
  // Cancels what has not ended, and waits until it has: then no callback runs any more.
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // May be called from any thread. Throws as complete() does for a request that is wrong; what goes
  // wrong later, kOutOfMemory too, comes by the future. The request's callbacks are called on the
  // generator's thread, and must not destroy it.
  std::future<Completion> submit(Request request, const CancelToken& cancel = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The fields of a request that are data, for whoever reads requests from text.
// kFlagOrNever is true, false or "never".
enum class FieldKind { kFlag, kFlagOrNever, kInteger, kNumber, kText, kTexts, kBias };
struct RequestField {
  const char* name;  // "max_tokens"
  FieldKind kind;
  const char* help;  // one line with unit, range and what 0 means
};
GPTJ_API std::span<const RequestField> request_fields();

// Sets one field from its JSON value: true, 3, 0.8, "text", ["a", "b"], {"50256": -100}; null
// leaves it as it is. Throws kInvalidArgument naming field, expected and found. Ranges are checked
// by complete().
GPTJ_API void set_request_field(Request& request, std::string_view name,
                                std::string_view json_value);

// The completion as one line of JSON in OpenAI's shape:
// {"object":"text_completion","model":...,"choices":[...],"usage":{...},"seed":...}
GPTJ_API std::string completion_json(const Model& model, const Request& request,
                                     const Completion& completion);

}  // namespace gptj
