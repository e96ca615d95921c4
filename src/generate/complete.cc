// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/check.h"
#include "base/clock.h"
#include "base/float_environment.h"
#include "generate/sample_state.h"
#include "gptj/session.h"
#include "model/model_state.h"

namespace gptj {
namespace {

// Rows of a prompt computed at once; a cancelled request ends between two such chunks.
constexpr size_t kPromptChunk = 256;

// One request on its way through a session of its own.
class Generator {
 public:
  Generator(const Model& model, const Request& request, const CancelToken& cancel)
      : model_(model),
        request_(request),
        cancel_(cancel),
        plan_(make_plan(request, model)),
        session_(model) {
    for (int64_t i = 0; i < plan_.best_of; ++i) {
      samples_.push_back({SampleState(model_, request_, plan_, i), 0});
    }
  }

  // Prompt, then new tokens.
  Completion run() {
    const auto start = Clock::now();
    const bool whole = prefill();
    const double prompt_seconds = seconds_since(start);
    if (whole && plan_.max_tokens > 0) decode();
    for (Sample& sample : samples_) {
      if (!whole || stopped_) sample.state.cancel();
    }
    // A cancelled prompt is scored in part: what is missing stays without a logprob.
    if (!prompt_logprobs_.empty()) prompt_logprobs_.resize(plan_.prompt.size());
    Completion completion = result();
    completion.prompt_seconds = prompt_seconds;
    completion.decode_seconds = seconds_since(start) - prompt_seconds;
    return completion;
  }

 private:
  struct Sample {
    SampleState state;
    SequenceId sequence;
  };

  bool stop_asked() {
    stopped_ = stopped_ || cancel_.cancelled();
    return stopped_;
  }

  // Computes the prompt once, scoring it where its logprobs are wanted. False: cancelled on the
  // way.
  bool prefill() {
    const SequenceId sequence = session_.add_sequence();
    const bool scoring = plan_.echo && plan_.logprobs.has_value();
    const size_t size = plan_.prompt.size();
    if (scoring) prompt_logprobs_.emplace_back();  // nothing stands before the first token
    for (size_t begin = 0; begin < size; begin += kPromptChunk) {
      if (stop_asked()) return false;
      std::vector<Row> rows;
      for (size_t i = begin; i < std::min(size, begin + kPromptChunk); ++i) {
        const bool last = i + 1 == size;
        rows.push_back({plan_.prompt[i], sequence, static_cast<int64_t>(i),
                        last ? plan_.max_tokens > 0 : scoring});
      }
      session_.forward(rows, [&](size_t row, std::span<const float> logits) {
        if (begin + row + 1 == size) {
          last_logits_.assign(logits.begin(), logits.end());
        } else {
          score(logits, plan_.prompt[begin + row + 1]);
        }
      });
    }
    for (Sample& sample : samples_) {
      const bool first = &sample == &samples_.front();
      sample.sequence = first ? sequence : session_.fork(sequence, static_cast<int64_t>(size));
    }
    return true;
  }

  void score(std::span<const float> logits, TokenId next) {
    const LogSoftmax log_softmax(model_.state().kernels, logits);
    prompt_logprobs_.push_back(
        {log_softmax[next], log_softmax.best(static_cast<size_t>(*plan_.logprobs))});
  }

  // All unfinished samples in one batch, a token each, until none is left.
  void decode() {
    for (Sample& sample : samples_) accept(sample, last_logits_);
    for (;;) {
      std::vector<Row> rows;
      std::vector<Sample*> owners;
      for (Sample& sample : samples_) {
        if (sample.state.finished()) continue;
        rows.push_back(
            {sample.state.last(), sample.sequence, session_.length(sample.sequence), true});
        owners.push_back(&sample);
      }
      if (rows.empty() || stop_asked()) return;
      session_.forward(
          rows, [&](size_t row, std::span<const float> logits) { accept(*owners[row], logits); });
    }
  }

  void accept(Sample& sample, std::span<const float> logits) {
    if (stopped_) return;
    const TokenEvent event = sample.state.accept(logits);
    if (request_.on_token && request_.on_token(event) == Progress::kCancel) stopped_ = true;
    if (sample.state.finished()) session_.remove(sample.sequence);
  }

  Choice choice_of(const SampleState& state) const {
    Choice choice = state.choice();
    std::string bytes = state.bytes();
    if (plan_.echo) {
      choice.token_ids.insert(choice.token_ids.begin(), plan_.prompt.begin(), plan_.prompt.end());
      choice.logprobs.insert(choice.logprobs.begin(), prompt_logprobs_.begin(),
                             prompt_logprobs_.end());
      if (!plan_.bos_for_empty) bytes = prompt_bytes() + bytes;
    }
    if (model_.tokenizer() != nullptr) choice.text = to_valid_utf8(bytes);
    return choice;
  }

  std::string prompt_bytes() const {
    std::string bytes;
    for (const TokenId id : plan_.prompt) bytes += bytes_or_none(model_, id);
    return bytes;
  }

  // The n to return: of more, the best by mean logprob, best first.
  std::vector<const Sample*> best_samples() const {
    std::vector<const Sample*> best;
    for (const Sample& sample : samples_) best.push_back(&sample);
    if (plan_.best_of > plan_.n) {
      std::stable_sort(best.begin(), best.end(), [](const Sample* a, const Sample* b) {
        return a->state.mean_logprob() > b->state.mean_logprob();
      });
      best.resize(static_cast<size_t>(plan_.n));
    }
    return best;
  }

  Completion result() const {
    Completion completion;
    completion.seed = plan_.seed;
    completion.usage.prompt_tokens = static_cast<int64_t>(plan_.prompt.size());
    for (const Sample& sample : samples_) {
      completion.usage.completion_tokens += sample.state.generated();
    }
    completion.usage.total_tokens =
        completion.usage.prompt_tokens + completion.usage.completion_tokens;
    for (const Sample* sample : best_samples()) {
      completion.choices.push_back(choice_of(sample->state));
      completion.choices.back().index = static_cast<int64_t>(completion.choices.size()) - 1;
    }
    return completion;
  }

  const Model& model_;
  const Request& request_;
  const CancelToken& cancel_;
  const Plan plan_;
  Session session_;
  std::vector<Sample> samples_;
  std::vector<float> last_logits_;  // after the whole prompt
  std::vector<LogprobEntry> prompt_logprobs_;
  bool stopped_ = false;
};

}  // namespace

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
  }
  return "unknown";
}

Completion complete(const Model& model, const Request& request, const CancelToken& cancel) {
  const DefaultFloatEnvironment environment;
  return Generator(model, request, cancel).run();
}

}  // namespace gptj
