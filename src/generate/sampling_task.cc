// SPDX-License-Identifier: Apache-2.0
#include "generate/sampling_task.h"

#include <algorithm>
#include <utility>

#include "engine/decoder.h"
#include "engine/model_state.h"
#include "generate/window.h"

namespace gptj {

namespace {

constexpr size_t kFewSamples = 2;  // more samples fill a pass without guesses

// Returns the `block` of a Speculator: as many rows as an int8 product of the layers computes for
// little more than one, else 1.
size_t rows_of_a_block(const Model& model) {
  const Model::State& state = model.state();
  const auto& product = state.kernels.product[state.packing.layers];
  return product.operand == Operand::kInt8 ? kInt8Rows : 1;
}

}  // namespace

SamplingTask::SamplingTask(const Model& model, Request request, Plan plan)
    : Task(model, std::move(request), std::move(plan)) {
  for (int64_t i = 0; i < plan_.best_of; ++i) {
    samples_.push_back({SampleState(model_, request_, plan_, i),
                        Speculator(request_.on_guess, rows_of_a_block(model_))});
  }
}

std::vector<SequenceId> SamplingTask::sequences() const {
  std::vector<SequenceId> all;
  for (const Sample& sample : samples_) {
    if (sample.sequence != kNoSequence) all.push_back(sample.sequence);
  }
  return all;
}

std::vector<std::span<const TokenId>> SamplingTask::ids_of_sequences() const {
  std::vector<std::span<const TokenId>> all;
  for (const Sample& sample : samples_) {
    if (sample.sequence != kNoSequence) all.push_back(window(sample));
  }
  return all;
}

// Returns guessed tokens to compute behind the text in the same pass. There are none for the last
// token of max_tokens, because that is never computed, and none beyond the room in the context.
// A guess ends before its first id that is not below vocab_size.
std::vector<TokenId> SamplingTask::guess(Sample& sample, size_t most) const {
  if (!request_.speculate) return {};
  const auto left = static_cast<size_t>(plan_.max_tokens - sample.state.generated() - 1);
  most = std::min({most, left, context() - window(sample).size()});
  std::vector<TokenId> ids = sample.speculator.propose(sample.state.ids(), most);
  const auto nonsense = [&](TokenId id) { return id < 0 || id >= model_.config().vocab_size; };
  ids.erase(std::find_if(ids.begin(), ids.end(), nonsense), ids.end());
  return ids;
}

void SamplingTask::text_rows(const Decoder& decoder, size_t room, size_t guesses,
                             std::vector<Row>& rows) {
  owners_.clear();
  guesses = samples_.size() <= kFewSamples ? guesses / samples_.size() : 0;
  for (size_t i = 0; i < samples_.size(); ++i) {
    Sample& sample = samples_[i];
    if (sample.state.finished()) continue;
    const std::span<const TokenId> ids = window(sample);
    const auto computed = static_cast<size_t>(decoder.cache().length(sample.sequence));
    sample.guess.clear();
    sample.taken = 0;
    sample.guess_failed = false;
    size_t end = ids.size();
    if (computed + 1 == end) {
      sample.guess = guess(sample, guesses);
    } else {  // the window has slid, and is computed anew
      end = std::min(end, computed + std::max<size_t>(room, 1));
      room -= std::min(room, end - computed);
    }
    for (size_t at = computed; at < end + sample.guess.size(); ++at) {
      const TokenId id = at < ids.size() ? ids[at] : sample.guess[at - ids.size()];
      rows.push_back({id, sample.sequence, static_cast<int64_t>(at), at + 1 >= ids.size()});
      owners_.push_back(i);
    }
  }
}

void SamplingTask::accept_text(size_t i, std::span<const float> logits) {
  Sample& sample = samples_[owners_[i]];
  if (sample.guess_failed || sample.state.finished() || stopped_) return;
  check_finite(logits, static_cast<int64_t>(sample.state.ids().size()) - 1, model_.weight_type());
  accept_token(sample, logits);
  const size_t row = sample.taken++;
  sample.guess_failed = row < sample.guess.size() && sample.guess[row] != sample.state.last();
}

void SamplingTask::accept_token(Sample& sample, std::span<const float> logits) {
  if (stopped_) return;
  report(sample.state.accept(logits));
}

void SamplingTask::report(const TokenEvent& event) {
  if (request_.on_token && request_.on_token(event) == Progress::kCancel) stopped_ = true;
}

// Reports the echoed prompt once for each sample. A prompt that was given up is reported whole, as
// the choices have it.
void SamplingTask::report_echo() {
  if (!plan_.echo || std::exchange(echo_reported_, true)) return;
  for (Sample& sample : samples_) {
    for (size_t i = 0; i < plan_.prompt.size(); ++i) {
      report(sample.state.echo(i, plan_.logprobs ? &prompt_.logprobs()[i] : nullptr));
    }
  }
}

void SamplingTask::begin_text(Decoder& decoder) {
  report_echo();
  for (Sample& sample : samples_) {
    sample.sequence = fork_prompt(decoder);
    sample.begin = prompt_.begin();
    accept_token(sample, prompt_.last_logits());
  }
}

void SamplingTask::end_text_step(Decoder& decoder) {
  if (stopped_) return cancel();
  finished_ = std::all_of(samples_.begin(), samples_.end(),
                          [](const Sample& sample) { return sample.state.finished(); });
  if (finished_) return;
  // The sequence of a finished sample stays, because its text is kept with the others at the end.
  for (Sample& sample : samples_) {
    if (!sample.state.finished()) settle(decoder, sample);
  }
}

// Removes wrong guesses from the sample's sequence. If the text no longer fits the context, begins
// a new sequence, for which the newer part of the text is computed anew.
void SamplingTask::settle(Decoder& decoder, Sample& sample) const {
  KvCache& cache = decoder.cache();
  const auto computed = static_cast<int64_t>(window(sample).size()) - 1;
  if (cache.length(sample.sequence) > computed) cache.truncate(sample.sequence, computed);
  const size_t begin = window_begin(sample.state.ids().size(), context());
  if (begin == sample.begin) return;
  drop_sequence(decoder, sample.sequence);
  sample.sequence = cache.add();
  sample.begin = begin;
}

void SamplingTask::end_text(FinishReason reason) {
  report_echo();
  for (Sample& sample : samples_) {
    if (!sample.state.finished()) report(sample.state.end(reason));
  }
}

void SamplingTask::release_text(Decoder& decoder) {
  for (Sample& sample : samples_) drop_sequence(decoder, sample.sequence);
}

// Returns the n samples to return. If best_of made more, they are the best by mean logprob, best
// first.
std::vector<const SamplingTask::Sample*> SamplingTask::best_samples() const {
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

int64_t SamplingTask::choices(std::vector<Choice>& choices) const {
  for (const Sample* sample : best_samples()) {
    add_choice(sample->state.choice(), sample->state.bytes(), choices);
  }
  int64_t made = 0;
  for (const Sample& sample : samples_) made += sample.state.generated();
  return made;
}

}  // namespace gptj
