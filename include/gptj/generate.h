// SPDX-License-Identifier: Apache-2.0
// Generates text:
//
//   const gptj::Model model = gptj::Model::load("models/fairytale-8m");
//   gptj::Request request;
//   request.prompt = "Once upon a time";
//   request.max_tokens = 40;
//   std::cout << *gptj::complete(model, request).choices[0].text << '\n';
//
// A request's fields have the names and meanings of Hugging Face's and OpenAI's. complete() may be
// called from many threads on one model; the calls take turns on the model's thread pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
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

// A flag that cancels a generation. Copies share one flag. cancel() may be called from any thread,
// also from a signal handler. A cancelled generation stops within one chunk of the prompt or one
// token, and returns the tokens that it has.
class GPTJ_API CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const { flag_->store(true); }
  bool cancelled() const { return flag_->load(); }
  // Clears the flag, so that the same token can serve the next generation.
  void reset() const { flag_->store(false); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

enum class FinishReason { kStop, kLength, kCancelled };
// Returns "stop", "length" or "cancelled".
GPTJ_API const char* finish_reason_name(FinishReason reason);

// The rule for a prompt and max_tokens that exceed n_positions together.
enum class Overflow {
  kError,     // throw ErrorCode::kContextLength with the counts
  kTruncate,  // drop the oldest tokens of the prompt
  // Whenever the context is full, drop its older half and compute the newer half anew. Only
  // max_tokens then limits a text. Penalties and echo still see all tokens. Not for beam search.
  kSlide,
};

struct TokenLogprob {
  TokenId id = 0;
  float logprob = 0;
};

// One entry for each of a choice's token_ids.
struct LogprobEntry {
  // Not set for the first token of an echoed prompt, because no token stands before it.
  std::optional<float> logprob = {};
  std::vector<TokenLogprob> top = {};  // best first
  // The token's offset in prompt and text together, in code points, whether or not the prompt is
  // echoed. All tokens of one character have its offset. Not set without a tokenizer.
  std::optional<int64_t> text_offset = {};
};

// One step of a sample: a token of the echoed prompt, a generated token, or the sample's end. The
// events of a sample, put together, are its choice: ids, text and logprobs.
//
// With echo, a sample begins with an event for each token of the prompt, all after the prompt was
// computed. The last event of a sample has a finish_reason, and always comes unless the request
// ends with an exception. The last event has no token if the sample ends without one: because the
// request is cancelled, or max_tokens is 0.
//
// A beam search reports its choices at its end. With best_of, all samples are reported; `index` is
// then the number under which a sample was made, not its rank.
struct TokenEvent {
  static constexpr TokenId kNoToken = -1;

  int64_t index = 0;      // index of the sample
  TokenId id = kNoToken;  // kNoToken if the event is an end without a token
  bool echoed = false;    // true for a token of the echoed prompt
  // Raw log-softmax over the whole vocabulary. 0 without a token, and for an echoed token unless
  // Request::logprobs is set.
  float logprob = 0;
  // The token's bytes; empty for the end token, without a token and without a tokenizer.
  std::string_view bytes = {};
  // The text that has become certain: whole characters, and no part of a stop string.
  std::string_view text = {};
  // The token's entry of Choice::logprobs; null without a token or unless Request::logprobs is set.
  const LogprobEntry* logprobs = nullptr;
  std::optional<FinishReason> finish_reason = {};  // set on the sample's last event
};

// A text, or its token ids: a std::variant whose copy may run out of memory. The copy constructor
// of libstdc++'s (before 12.3) destroys what was never made if the text cannot be copied
// (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=109703), so a copy is assigned here.
struct TextOrIds : std::variant<std::string, std::vector<TokenId>> {
  using variant::variant;
  using variant::operator=;
  TextOrIds() = default;
  TextOrIds(const TextOrIds& other) : TextOrIds() { *this = other; }
  TextOrIds(TextOrIds&&) = default;
  TextOrIds& operator=(const TextOrIds&) = default;
  TextOrIds& operator=(TextOrIds&&) = default;
};

// A request for text. A field that is not set takes its value from the model's
// generation_config.json (in which do_sample false or absent means greedy), else the default stated
// here.
struct Request {
  // Text, or token ids, which are used unchanged. Empty: the bos token.
  TextOrIds prompt = std::string();

  // The most new tokens of each sample, 0 or more; max_new_tokens is Hugging Face's name for the
  // same field. Not set: the model's max_new_tokens, or its max_length less the prompt, else 256,
  // but no more than fit the context.
  std::optional<int64_t> max_tokens = {};
  std::optional<int64_t> max_new_tokens = {};
  // Neither an end token nor a stop string ends a sample before this many new tokens; not set: the
  // model's default, else 0.
  std::optional<int64_t> min_tokens = {};
  // True: the end token does not end a sample; it may still be generated.
  bool ignore_eos = false;
  Overflow overflow = Overflow::kError;
  // True: all tokens of the prompt see each other, as models trained as prefix-LMs (GPT-JT) expect;
  // the new tokens are causal. Such a prompt is neither kept nor shared, and cannot be echoed with
  // logprobs.
  bool prefix_lm = false;

  // Hugging Face's switch. False: greedy. True: samples, with temperature 1 if none is set.
  std::optional<bool> do_sample = {};
  // Divides the logits; 0: greedy. Not set: the model's default; if that is greedy, 1 if any of the
  // next four fields is set.
  std::optional<double> temperature = {};
  // Samples only the k best ids, and all that tie with the k-th; 0: off.
  std::optional<int64_t> top_k = {};
  // Samples only the smallest set of ids with this much probability; 1: off.
  std::optional<double> top_p = {};
  // Samples only ids at least this fraction as probable as the best one; 0: off.
  std::optional<double> min_p = {};
  // Samples only the most typical ids with this much probability; 1: off.
  std::optional<double> typical_p = {};

  // Changes the logit of every id in prompt or output: logit / penalty if positive, else
  // logit * penalty; 0.001 to 1000, 1: off.
  std::optional<double> repetition_penalty = {};
  // Number of last tokens of prompt and output that repetition_penalty looks at; 0: all. Not set:
  // 0.
  std::optional<int64_t> repetition_penalty_range = {};
  // Subtracted from an id's logit once for each time that the id is in the output; -2 to 2, 0: off.
  double frequency_penalty = 0;
  // Subtracted from an id's logit once if the id is in the output; -2 to 2, 0: off.
  double presence_penalty = 0;
  // Numbers added to the logits of these ids; -100 to 100.
  std::map<TokenId, double> logit_bias = {};
  // No n-gram of this many tokens comes twice; 0: off.
  std::optional<int64_t> no_repeat_ngram_size = {};
  // Token sequences that the text never contains. A word given as text is tokenized both as it
  // stands and behind a space, because a word inside a text begins with a space. Not set: the
  // model's bad_words_ids.
  std::optional<std::vector<TextOrIds>> bad_words = {};

  // A sample ends before the first of these strings in its generated text; at most 64. Empty: the
  // model's stop_strings.
  std::vector<std::string> stop = {};
  // Number of best tokens to report with their logprobs at each position, besides the token itself;
  // 0 to 20. 0: the token's own logprob only. Not set: no logprobs.
  std::optional<int64_t> logprobs = {};
  // True: text, ids and logprobs begin with those of the prompt.
  bool echo = false;
  // Number of samples to return; num_return_sequences is Hugging Face's name for the same field.
  // Not set: 1.
  std::optional<int64_t> n = {};
  std::optional<int64_t> num_return_sequences = {};
  // Number of samples to generate; the n best by mean logprob are returned. Not set: n.
  std::optional<int64_t> best_of = {};
  // Above 1: a beam search of this width, as transformers 4.27 does it, whatever
  // generation_config.json says about sampling. The n best hypotheses are returned, the best first.
  // A beam search takes no temperature, best_of or stop.
  std::optional<int64_t> num_beams = {};
  // A hypothesis scores its sum of logprobs / (tokens of prompt and text)^length_penalty; not
  // set: 1.
  std::optional<double> length_penalty = {};
  // The rule that ends the beam search; not set: kNo.
  std::optional<EarlyStopping> early_stopping = {};
  // The seed of all random draws, 0 to 2^63 - 1; not set: a seed is drawn, and reported.
  std::optional<int64_t> seed = {};

  // Called for each event, on the thread that computes: the caller's own, or the generator's.
  // kCancel ends the whole request, whose samples then report their last events.
  std::function<Progress(const TokenEvent&)> on_token = {};
  // True: guesses the next tokens from the text so far, and checks several guesses in one pass.
  // This changes the time and nothing else. Guessing stops where the guesses fail.
  bool speculate = true;
  // The caller's own guesses: returns at most `most` tokens that may follow `ids`, which are prompt
  // and output so far.
  std::function<std::vector<TokenId>(std::span<const TokenId> ids, size_t most)> on_guess = {};
  // The caller's own rule: may change the logits of sample `index` after the penalties and before
  // the temperature. `ids` are prompt and output so far. -infinity forbids a token. NaN or
  // +infinity ends the request with kInvalidArgument.
  std::function<void(int64_t index, std::span<const TokenId> ids, std::span<float> logits)>
      on_logits = {};
};

struct Choice {
  int64_t index = 0;
  // The text as valid UTF-8, cut at a stop string, without the end token that ended it. Not set
  // without a tokenizer.
  std::optional<std::string> text = {};
  // All generated ids, including an end token, and not cut at a stop string. With echo the prompt's
  // ids come first.
  std::vector<TokenId> token_ids = {};
  FinishReason finish_reason = FinishReason::kLength;
  // One entry for each of token_ids if Request::logprobs is set, else empty.
  std::vector<LogprobEntry> logprobs = {};
  // The hypothesis's score; set by a beam search only.
  std::optional<float> score = {};
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;  // of all samples, returned or not
  int64_t total_tokens = 0;
  // How many of the prompt's tokens were not computed for this request, because a kept or a
  // running request had computed the same beginning. Depends on the requests before and beside it.
  int64_t cached_prompt_tokens = 0;
};

struct Completion {
  std::vector<Choice> choices;
  Usage usage;
  int64_t seed = 0;  // the seed that was used
  // Wall time in seconds spent on the prompt, from the request's first step on, and on the new
  // tokens. The time that a request waits for its turn beside others is not counted.
  double prompt_seconds = 0;
  double decode_seconds = 0;
  // Wall time in seconds from the request's submission to its first step, to its first new token
  // (0 if there is none), and to its end.
  double queue_seconds = 0;
  double first_token_seconds = 0;
  double total_seconds = 0;
};

// Generates the text of one request. If cancelled, returns the tokens so far, with
// FinishReason::kCancelled. Throws kInvalidArgument with the field as its param, kContextLength,
// kNotFinite; kOutOfMemory, with the figures, if the keys and values of all samples or beams do not
// fit the memory that is left.
GPTJ_API Completion complete(const Model& model, const Request& request,
                             const CancelToken& cancel = {});

// Keeps the computed tokens of one request for the next. If a prompt begins like the last prompt
// and its text, only the tokens after the shared beginning are computed. This saves time in a
// conversation, or if many questions share a preamble. Answers are those of complete(), bit for
// bit. A context belongs to one thread at a time.
class GPTJ_API Conversation {
 public:
  explicit Conversation(const Model& model);
  // Loads a conversation that save() wrote. Throws as Session::load does.
  static Conversation load(const Model& model, const std::string& path);
  ~Conversation();
  Conversation(Conversation&&) noexcept;
  Conversation& operator=(Conversation&&) noexcept;

  // Writes the computed tokens, with their keys and values, to a file. Throws kInvalidArgument if
  // nothing was computed yet, and kIo.
  void save(const std::string& path) const;
  // Returns the tokens that need not be computed again: prompt and text without its last token.
  std::span<const TokenId> ids() const;

  // Generates the text of one request, as gptj::complete does.
  Completion complete(const Request& request, const CancelToken& cancel = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct GeneratorOptions {
  // Bytes of KV cache for all requests that run together. A request that alone needs more is
  // refused with kOutOfMemory. 0: half of the free memory; a request that needs more than half runs
  // alone.
  uint64_t kv_memory = 0;
  // True: requests that run together compute and keep a common beginning of their prompts once.
  bool share_prefixes = true;
  // True: what a request computed stays in the KV cache after its end, for later prompts that begin
  // alike, as long as no other request needs the room. What was not used for the longest time goes
  // first, 64 tokens at a time. Answers do not change.
  bool keep_prefixes = true;
};

// What a generator has done since it was made, and what it does now.
struct GeneratorStats {
  int64_t running = 0;  // requests that are being computed
  int64_t waiting = 0;  // requests that were submitted and have not begun
  // Pages of the KV cache, of 64 positions each: those that the options allow, those in use, and of
  // these the ones that only kept prefixes hold. A request that runs alone may use more than
  // `pages`.
  int64_t pages = 0;
  int64_t pages_in_use = 0;
  int64_t pages_kept = 0;
  uint64_t page_bytes = 0;
  int64_t passes = 0;  // forward passes
  int64_t rows = 0;    // tokens that these passes computed, guessed ones included
  // Tokens of the requests that have ended: of their prompts, of these the ones that were taken from
  // kept or shared prefixes, and new tokens.
  int64_t prompt_tokens = 0;
  int64_t cached_prompt_tokens = 0;
  int64_t completion_tokens = 0;
  // Requests that ended, by the finish reason of their first choice, or with an exception.
  int64_t finished_stop = 0;
  int64_t finished_length = 0;
  int64_t finished_cancelled = 0;
  int64_t failed = 0;
};

// Takes the answer of a request. `error` is null unless the request ended with an exception.
using CompletionCallback = std::function<void(Completion completion, std::exception_ptr error)>;

// Answers many requests together, on a thread of its own. Every pass over the weights serves all
// running requests. A request that does not fit the memory waits. Each answer is that of
// complete(), bit for bit.
//
//   gptj::Generator generator(model);
//   std::future<gptj::Completion> a = generator.submit({.prompt = "Once"});
//   std::future<gptj::Completion> b = generator.submit({.prompt = "Twice"});
//   std::cout << *a.get().choices[0].text << *b.get().choices[0].text << '\n';
class GPTJ_API Generator {
 public:
  explicit Generator(const Model& model, const GeneratorOptions& options = {});
  // Cancels the requests that have not ended, and waits for their end. Afterwards no callback runs.
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Queues a request. May be called from any thread. Throws as complete() does for a request that
  // is wrong, and kOutOfMemory for one that needs more than GeneratorOptions::kv_memory; the future
  // reports later errors. The request's callbacks are
  // called on the generator's thread, and must not destroy the generator.
  std::future<Completion> submit(Request request, const CancelToken& cancel = {});
  // The same, but calls `on_done` once, on the generator's thread, also for errors that come later.
  // `on_done` must not throw. It delays all requests for as long as it runs.
  void submit(Request request, const CancelToken& cancel, CompletionCallback on_done);

  // Returns what the generator does, as of its last step. Any thread may call this at any time; the
  // call does not wait for a step.
  GeneratorStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The type of a request field's JSON value. kFlagOrNever is true, false or "never".
enum class FieldKind { kFlag, kFlagOrNever, kInteger, kNumber, kText, kTexts, kBias };
struct RequestField {
  const char* name;  // "max_tokens"
  FieldKind kind;
  const char* help;         // one line with unit, range and what 0 means
  const char* values = "";  // the words that a kText may be, "error truncate slide"; empty: any
};
// Returns the fields of a request that are data, not callbacks, for programs that read requests
// from text.
GPTJ_API std::span<const RequestField> request_fields();

// Sets one field from its JSON value: true, 3, 0.8, "text", ["a", "b"], {"50256": -100}; null
// leaves the field unchanged. Throws kInvalidArgument, naming the field, the expected and the found
// value. complete() checks ranges later.
GPTJ_API void set_request_field(Request& request, std::string_view name,
                                std::string_view json_value);

// Sets one field from what was typed for it, as on a command line: "3", ".8", "true". The last
// value counts; fields of kind kTexts and kBias take all values, a bias as "50256=-100". Throws as
// the function above.
GPTJ_API void set_request_field(Request& request, std::string_view name,
                                std::span<const std::string> typed);
// Returns what was typed for a field as its JSON value. Throws as the function above.
GPTJ_API std::string request_field_json(std::string_view name, std::span<const std::string> typed);

// Returns the completion as one line of JSON in OpenAI's form:
// {"object":"text_completion","model":...,"choices":[...],"usage":{...},"seed":...}
GPTJ_API std::string completion_json(const Model& model, const Request& request,
                                     const Completion& completion);

}  // namespace gptj
