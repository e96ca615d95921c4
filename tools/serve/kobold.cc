// SPDX-License-Identifier: Apache-2.0
#include "kobold.h"

#include <nlohmann/json.hpp>

#include "completion_ticket.h"

namespace gptj::serve {

HttpResponse kobold_error(const ApiError& error) {
  HttpResponse response = error_response(error);
  Json json = Json::parse(response.body);
  const bool busy = error.status == 429 || error.status == 503;
  json["detail"] = {{"msg", error.message}, {"type", busy ? "service_unavailable" : error.type}};
  response.body = dump(json);
  if (error.status == 429) response.status = 503;
  return response;
}

KoboldTicket::KoboldTicket(std::shared_ptr<Reply> reply, const Model& model, KoboldCall call,
                           bool stream)
    : Ticket(std::move(reply)), model_(model), call_(std::move(call)), stream_(stream) {}

std::string KoboldTicket::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

void KoboldTicket::send_event(const std::string& token, const Json& finish_reason) {
  reply().begin(event_stream());
  const Json json = {{"token", token}, {"finish_reason", finish_reason}};
  reply().write("event: message\ndata: " + dump(json) + "\n\n");
}

void KoboldTicket::on_event(const Event& event) {
  {
    const std::lock_guard lock(mutex_);
    text_ += event.text;
  }
  // The last event is sent by on_end(), which knows how the text ends.
  if (!stream_ || (event.text.empty() && !event.finish_reason)) return;
  if (!event.finish_reason) return send_event(event.text, nullptr);
  if (!event.text.empty()) send_event(event.text, nullptr);
}

// Returns the stop string that ended the text, if it is to be shown.
std::string KoboldTicket::ending_of(const Choice& choice) const {
  if (call_.trim_stop || choice.finish_reason != FinishReason::kStop) return {};
  std::string bytes;
  for (const TokenId id : choice.token_ids) {
    if (model_.tokenizer()->has(id)) bytes += model_.tokenizer()->token_bytes(id);
  }
  const std::string& text = choice.text.value();
  if (bytes.size() < text.size()) return {};
  const std::string rest = bytes.substr(text.size());
  std::string longest;
  for (const std::string& stop : call_.request.stop) {
    if (rest.starts_with(stop) && stop.size() > longest.size()) longest = stop;
  }
  return longest;
}

void KoboldTicket::on_end(std::vector<Completion> completions) {
  reply().set_note(note_of(completions));
  const Completion& completion = completions.front();
  const Choice& choice = completion.choices.front();
  const bool cancelled = choice.finish_reason == FinishReason::kCancelled;
  // An aborted request has an answer: the text that there is.
  const Json reason = cancelled ? "stop" : finish_reason_name(choice.finish_reason);
  const std::string ending = ending_of(choice);
  if (stream_) {
    send_event(ending, reason);
    return reply().finish();
  }
  const Json result = {{"text", choice.text.value_or("") + ending},
                       {"finish_reason", reason},
                       {"logprobs", nullptr},
                       {"prompt_tokens", completion.usage.prompt_tokens},
                       {"completion_tokens", completion.usage.completion_tokens}};
  reply().send({.body = dump({{"results", Json::array({result})}})});
}

void KoboldTicket::on_error(std::exception_ptr error) {
  reply().send(kobold_error(error_of(error)));
  reply().finish();
}

void KoboldTickets::add(const std::shared_ptr<KoboldTicket>& ticket) {
  const std::lock_guard lock(mutex_);
  std::erase_if(tickets_, [](const auto& weak) { return weak.expired(); });
  tickets_.push_back(ticket);
}

size_t KoboldTickets::size() {
  const std::lock_guard lock(mutex_);
  std::erase_if(tickets_, [](const auto& weak) { return weak.expired(); });
  return tickets_.size();
}

std::shared_ptr<KoboldTicket> KoboldTickets::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  std::erase_if(tickets_, [](const auto& weak) { return weak.expired(); });
  if (key.empty()) return tickets_.size() == 1 ? tickets_.front().lock() : nullptr;
  for (const auto& weak : tickets_) {
    const auto ticket = weak.lock();
    if (ticket && ticket->key() == key) return ticket;
  }
  return nullptr;
}

}  // namespace gptj::serve
