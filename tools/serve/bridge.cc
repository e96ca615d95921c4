// SPDX-License-Identifier: Apache-2.0
#include "bridge.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "errors.h"

namespace gptj::serve {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

}  // namespace

void Bridge::open(const Model& model, const GeneratorOptions& options) {
  model_ = model;
  generator_ = std::make_unique<Generator>(model, options);
  is_open_ = true;
  State loading = State::kLoading;
  state_.compare_exchange_strong(loading, State::kReady);
}

void Bridge::close() {
  state_ = State::kDraining;
  reader_.stop();
  generator_.reset();  // cancels what there is
  renderer_.stop();
}

GeneratorStats Bridge::stats() const { return is_open_ ? generator_->stats() : GeneratorStats(); }

bool Bridge::is_full() const {
  return open_ + reading_ - stats().running >= max_queue_ && open_ + reading_ > 0;
}

// Returns after how many seconds the queue will have moved on.
int Bridge::retry_after() const {
  const GeneratorStats now = stats();
  const double rounds = static_cast<double>(std::max<int64_t>(open_ - now.running, 1)) /
                        static_cast<double>(std::max<int64_t>(now.running, 1));
  return static_cast<int>(std::clamp(std::ceil(rounds * mean_seconds_), 1.0, 120.0));
}

std::optional<ApiError> Bridge::refuse() const {
  if (state_ == State::kLoading) return is_loading();
  if (state_ == State::kDraining) return is_draining();
  if (is_full()) return queue_full(max_queue_, retry_after());
  return std::nullopt;
}

void Bridge::read(const std::shared_ptr<Reply>& reply, std::function<void()> work) {
  ++reading_;
  reader_.post([this, reply, work = std::move(work)] {
    if (reply->stopped() == Reply::Stop::kNone) {
      try {
        work();
      } catch (...) {
        reply->send(error_response(error_of(std::current_exception())));
      }
    }
    --reading_;
  });
}

void Bridge::submit(const std::shared_ptr<Ticket>& ticket, std::vector<Request> requests) {
  ticket->completions_.resize(requests.size());
  ticket->last_token_.resize(requests.size());
  ticket->open_ = requests.size();
  ticket->reply_->on_stop([cancel = ticket->cancel_](Reply::Stop) { cancel.cancel(); });
  try {
    for (size_t i = 0; i < requests.size(); ++i) {
      submit_prompt(ticket, i, std::move(requests[i]));
    }
  } catch (...) {
    ticket->cancel_.cancel();
    renderer_.post([ticket] { ticket->failed_ = true; });
    throw;
  }
  renderer_.post([ticket] {
    ticket->accepted_ = true;
    for (const auto& f : std::exchange(ticket->early_, {})) {
      if (!ticket->failed_) f();
    }
  });
}

void Bridge::submit_prompt(const std::shared_ptr<Ticket>& ticket, size_t prompt, Request request) {
  const bool wants_events = ticket->wants_events();
  request.on_token = [this, ticket, prompt, wants_events](const TokenEvent& event) {
    Event copy{.prompt = prompt,
               .index = event.index,
               .id = event.id,
               .echoed = event.echoed,
               .finish_reason = event.finish_reason};
    if (wants_events) {
      copy.text = event.text;
      if (event.logprobs != nullptr) copy.logprobs = *event.logprobs;
    }
    call(ticket, [this, ticket, wants_events, copy = std::move(copy), now = Clock::now()] {
      Clock::time_point& last = ticket->last_token_[copy.prompt];
      if (!copy.echoed && last != Clock::time_point()) {
        metrics_.inter_token.observe(seconds_between(last, now));
      }
      if (!copy.echoed) last = now;
      if (wants_events) ticket->on_event(copy);
    });
    return Progress::kContinue;
  };
  ++open_;
  try {
    generator_->submit(std::move(request), ticket->cancel_,
                       [this, ticket, prompt](Completion completion, std::exception_ptr error) {
                         --open_;
                         const auto shared = std::make_shared<Completion>(std::move(completion));
                         call(ticket, [this, ticket, prompt, shared, error] {
                           end(*ticket, prompt, std::move(*shared), error);
                         });
                       });
  } catch (...) {
    --open_;
    throw;
  }
}

// Calls f on the rendering thread, once all prompts of the ticket are submitted, unless the ticket
// has failed by then.
void Bridge::call(const std::shared_ptr<Ticket>& ticket, std::function<void()> f) {
  renderer_.post([ticket, f = std::move(f)] {
    if (ticket->failed_) return;
    if (ticket->accepted_) return f();
    ticket->early_.push_back(f);
  });
}

void Bridge::end(Ticket& ticket, size_t prompt, Completion completion, std::exception_ptr error) {
  const bool cancelled = ticket.cancel_.cancelled();
  metrics_.count_end(completion, error != nullptr, cancelled, ticket.reply_->stopped());
  if (error) {
    ticket.failed_ = true;
    ticket.cancel_.cancel();
    return ticket.on_error(error);
  }
  if (!cancelled) {
    mean_seconds_ =
        0.9 * mean_seconds_ + 0.1 * (completion.total_seconds - completion.queue_seconds);
  }
  ticket.completions_[prompt] = std::move(completion);
  if (--ticket.open_ == 0) ticket.on_end(std::move(ticket.completions_));
}

bool Bridge::is_alive(double seconds) {
  const GeneratorStats now = stats();
  if (now.running + now.waiting == 0 || now.passes != last_passes_) progressed_ = Clock::now();
  last_passes_ = now.passes;
  return seconds_between(progressed_, Clock::now()) < seconds;
}

}  // namespace gptj::serve
