// SPDX-License-Identifier: Apache-2.0
#include "completion_ticket.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gptj::serve {
namespace {

Json finish_reason_of(const std::optional<FinishReason>& reason) {
  return reason ? Json(finish_reason_name(*reason)) : Json();
}

}  // namespace

HttpResponse event_stream() {
  return {.content_type = "text/event-stream",
          .headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}}};
}

ApiError stop_error(Reply::Stop reason, double timeout_seconds) {
  return reason == Reply::Stop::kTimeout ? timed_out(timeout_seconds) : is_draining();
}

RequestNote note_of(const std::vector<Completion>& completions) {
  RequestNote note;
  for (const Completion& completion : completions) {
    note.prompt_tokens += completion.usage.prompt_tokens;
    note.completion_tokens += completion.usage.completion_tokens;
    note.cached_tokens += completion.usage.cached_prompt_tokens;
    note.queue_seconds = std::max(note.queue_seconds, completion.queue_seconds);
    note.first_token_seconds = std::max(note.first_token_seconds, completion.first_token_seconds);
    note.finish_reason = finish_reason_name(completion.choices.front().finish_reason);
  }
  return note;
}

CompletionTicket::CompletionTicket(std::shared_ptr<Reply> reply, const Model& model,
                                   const CompletionCall& call, AnswerHead head,
                                   double timeout_seconds)
    : Ticket(std::move(reply)),
      model_(model),
      request_(call.requests.front()),
      n_(call.n),
      stream_(call.stream),
      include_usage_(call.include_usage),
      head_(std::move(head)),
      timeout_seconds_(timeout_seconds) {}

Json CompletionTicket::object(Json choices) const {
  Json json;
  json["id"] = head_.id;
  json["object"] = "text_completion";
  json["created"] = head_.created;
  json["choices"] = std::move(choices);
  json["model"] = head_.model;
  json["system_fingerprint"] = head_.fingerprint;
  return json;
}

// Returns the choices of one prompt, as `gptj complete --json` prints them, with their place among
// those of all prompts.
Json CompletionTicket::choices_of(size_t prompt, const Completion& completion) const {
  Json json = Json::parse(completion_json(model_, request_, completion));
  Json choices = Json::array();
  for (Json& choice : json["choices"]) {
    choice["index"] = static_cast<int64_t>(prompt) * n_ + choice["index"].get<int64_t>();
    choice["seed"] = completion.seed;
    choices.push_back(std::move(choice));
  }
  return choices;
}

Json CompletionTicket::usage_of(const std::vector<Completion>& completions) const {
  const RequestNote note = note_of(completions);
  return {{"prompt_tokens", note.prompt_tokens},
          {"completion_tokens", note.completion_tokens},
          {"total_tokens", note.prompt_tokens + note.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", note.cached_tokens}}}};
}

// Several tokens may make one chunk, but not with logprobs: then each has a chunk of its own.
void CompletionTicket::on_event(const Event& event) {
  const int64_t index = static_cast<int64_t>(event.prompt) * n_ + event.index;
  Waiting& waiting = waiting_[index];
  waiting.text += event.text;
  if (event.id != TokenEvent::kNoToken) waiting.ids.push_back(event.id);
  const bool cancelled = event.finish_reason == FinishReason::kCancelled;
  if (cancelled) return;  // on_end() says why
  const bool has_text = !waiting.text.empty() && !event.echoed;
  if (event.finish_reason || event.logprobs || has_text) send_chunk(index, event);
}

void CompletionTicket::send_chunk(int64_t index, const Event& event) {
  Waiting waiting = std::exchange(waiting_[index], {});
  Json choice;
  choice["text"] = waiting.text;
  choice["index"] = index;
  choice["logprobs"] = nullptr;
  if (event.logprobs) {
    // The library says how a token is named.
    Completion one;
    one.choices.push_back({.token_ids = {event.id}, .logprobs = {*event.logprobs}});
    choice["logprobs"] =
        Json::parse(completion_json(model_, request_, one))["choices"][0]["logprobs"];
  }
  choice["finish_reason"] = finish_reason_of(event.finish_reason);
  choice["token_ids"] = waiting.ids;
  Json json = object(Json::array({std::move(choice)}));
  if (include_usage_) json["usage"] = nullptr;
  send_event(json);
}

void CompletionTicket::send_event(const Json& json) {
  reply().begin(event_stream());
  reply().write("data: " + dump(json) + "\n\n");
}

void CompletionTicket::on_end(std::vector<Completion> completions) {
  reply().set_note(note_of(completions));
  if (cancel_token().cancelled()) {
    return fail(stop_error(reply().stopped(), timeout_seconds_));
  }
  if (stream_) {
    if (include_usage_) {
      Json json = object(Json::array());
      json["usage"] = usage_of(completions);
      send_event(json);
    }
    reply().write("data: [DONE]\n\n");
    return reply().finish();
  }
  Json choices = Json::array();
  for (size_t i = 0; i < completions.size(); ++i) {
    for (Json& choice : choices_of(i, completions[i])) choices.push_back(std::move(choice));
  }
  Json json = object(std::move(choices));
  json["usage"] = usage_of(completions);
  reply().send({.body = dump(json)});
}

void CompletionTicket::on_error(std::exception_ptr error) { fail(error_of(error)); }

// After the status line an error is an event.
void CompletionTicket::fail(const ApiError& error) {
  reply().send(error_response(error));
  reply().write("data: " + error_json(error) + "\n\ndata: [DONE]\n\n");
  reply().finish();
}

}  // namespace gptj::serve
